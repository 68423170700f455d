// server.mjs in several processes that share a port: Node's own cluster. WORKERS says how many.
import cluster from "node:cluster";
import { fileURLToPath } from "node:url";

cluster.setupPrimary({ exec: fileURLToPath(new URL("server.mjs", import.meta.url)) });
for (let number = 0; number < Number(process.env.WORKERS); number++) cluster.fork();

// Once the last worker has ended, nothing keeps this process.
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill(signal);
  });
}
