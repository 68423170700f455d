"""The claim "high-throughput", as figures that anyone can reproduce: `just bench`. See bench/README.md."""
