"""Breaking Holdfast on purpose, under load, and looking whether anything was lost: `just chaos`, `just soak`."""
