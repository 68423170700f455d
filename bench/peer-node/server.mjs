// The same routes on Fastify and pg: the statements of sql/queries/, prepared by name; answers written by compiled
// schemas; pool of 15; sessions cached for as long as Holdfast caches them. Login is left out: Node 20 has no Argon2.
import { createHash, randomUUID } from "node:crypto";
import fastify from "fastify";
import pg from "pg";

const CACHE_MS = Number(process.env.PEER_SESSION_CACHE ?? 0) * 1000;
const CACHE_SIZE = 10_000;
const FIRST_NEWEST = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const FIRST_OLDEST = "00000000-0000-0000-0000-000000000000";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

// As the API writes times, microseconds included: 2026-01-31T12:00:00.123456Z. A Date would lose them, and take longer.
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => `${text.slice(0, 10)}T${text.slice(11, -3)}Z`);
// A version is a bigint below 2^53; pg would give it as text.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
// A date as it stands, too.
pg.types.setTypeParser(pg.types.builtins.DATE, String);

const database = new URL(process.env.DATABASE_URL.replace("@/", "@localhost/"));
const pool = new pg.Pool({
  host: database.searchParams.get("host") ?? database.hostname,
  port: Number(database.searchParams.get("port") ?? database.port),
  user: decodeURIComponent(database.username),
  password: decodeURIComponent(database.password) || undefined,
  database: database.pathname.slice(1),
  max: 15,
  idleTimeoutMillis: 0,
  application_name: "peer-node",
  options: "-c timezone=UTC",
});

const COLUMNS = "id, user_id, title, description, completed, completed_at, due_date, priority, created_at, updated_at, version";
const statements = {
  caller: `
    select s.user_id, s.id as session_id, u.role, u.is_guest, u.timezone,
        s.last_seen_at < now() - interval '1 hour' as stale
    from sessions s
    join users u on u.id = s.user_id
    where s.token_hash = $1 and s.expires_at > now() and u.is_active`,
  see: `
    update sessions
    set last_seen_at = now(), expires_at = now() + make_interval(days => 30)
    where token_hash = $1 and last_seen_at < now() - interval '1 hour'`,
  create: `
    insert into tasks (user_id, id, title, description, completed, completed_at, due_date, priority)
    values ($1, $2, $3, $4, $5, case when $5 then now() end, $6, $7)
    on conflict (user_id, id) do nothing
    returning ${COLUMNS}`,
  get: `select ${COLUMNS} from tasks where user_id = $1 and id = $2`,
  owner: "select user_id from tasks where id = $1 order by user_id = $2 desc limit 1",
  newest: `
    select ${COLUMNS} from tasks
    where user_id = $1 and id < $2 and ($3::boolean is null or completed = $3)
    order by id desc limit $4`,
  oldest: `
    select ${COLUMNS} from tasks
    where user_id = $1 and id > $2 and ($3::boolean is null or completed = $3)
    order by id limit $4`,
  patch: `
    update tasks t
    set (title, description, completed, completed_at, due_date, priority) = (
        select p.title, p.description, p.completed, case when p.completed then coalesce(t.completed_at, now()) end,
            p.due_date, p.priority
        from jsonb_populate_record(t, $4::jsonb) p)
    where t.user_id = $1 and t.id = $2 and ($3::bigint is null or t.version = $3)
    returning t.id, t.user_id, t.title, t.description, t.completed, t.completed_at, t.due_date, t.priority,
        t.created_at, t.updated_at, t.version`,
};

async function rows(name, values) {
  const result = await pool.query({ name, text: statements[name], values });
  return result.rows;
}

const string = { type: "string" };
const task = {
  type: "object",
  properties: {
    id: string,
    user_id: string,
    title: string,
    description: { type: ["string", "null"] },
    completed: { type: "boolean" },
    completed_at: { type: ["string", "null"] },
    due_date: { type: ["string", "null"] },
    priority: { type: ["integer", "null"] },
    created_at: string,
    updated_at: string,
    version: { type: "integer" },
  },
};
const page = {
  type: "object",
  properties: { items: { type: "array", items: task }, next_cursor: { type: ["string", "null"] } },
};
const title = { type: "string", minLength: 1, maxLength: 200, pattern: "\\S" };
const description = { type: ["string", "null"], maxLength: 1000 };
const completed = { type: "boolean" };
const due_date = { type: ["string", "null"], format: "date" };
const priority = { type: ["integer", "null"], minimum: 0, maximum: 5 };
const input = (properties, required = []) => ({ type: "object", properties, required, additionalProperties: false });

const app = fastify({
  logger: false,
  ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
});

class Refusal extends Error {
  constructor(statusCode, code) {
    super(code);
    this.statusCode = statusCode;
  }
}

app.setErrorHandler((error, request, reply) => {
  const status = error.validation ? 422 : (error.statusCode ?? 500);
  if (status === 401) reply.header("www-authenticate", "Bearer");
  reply.code(status).send({ status, detail: error.message });
});

const sessions = new Map();

function hashOf(request) {
  const found = /^bearer +(hf_[A-Za-z0-9_-]{43})$/i.exec(request.headers.authorization ?? "");
  return found && createHash("sha256").update(found[1]).digest();
}

app.decorateRequest("caller", null);

function authenticate(request, reply, done) {
  const hash = hashOf(request);
  if (hash === null) return done(new Refusal(401, "unauthenticated"));
  const key = hash.toString("latin1");
  const kept = sessions.get(key);
  if (kept !== undefined && kept.until > performance.now()) {
    request.caller = kept.caller;
    return done();
  }
  const until = performance.now() + CACHE_MS;
  rows("caller", [hash])
    .then(async ([caller]) => {
      if (caller === undefined) throw new Refusal(401, "unauthenticated");
      if (caller.stale) await rows("see", [hash]);
      else if (CACHE_MS > 0) {
        if (sessions.size >= CACHE_SIZE) sessions.clear();
        sessions.set(key, { until, caller });
      }
      request.caller = caller;
    })
    .then(() => done(), done);
}

async function absent(request) {
  const [found] = await rows("owner", [request.params.id, request.caller.user_id]);
  if (found === undefined) return new Refusal(404, "not_found");
  return found.user_id === request.caller.user_id ? new Refusal(412, "version_mismatch") : new Refusal(403, "forbidden");
}

function checkedId(request) {
  if (!UUID.test(request.params.id)) throw new Refusal(404, "not_found");
  return request.params.id;
}

function expectedVersion(request) {
  const header = request.headers["if-match"]?.trim();
  if (header === undefined || header === "*") return null;
  const found = /^"(0|[1-9][0-9]{0,15})"$/.exec(header);
  return found ? Number(found[1]) : -1;
}

function encodeCursor(order, id) {
  return Buffer.from(order.charCodeAt(0).toString(16) + id.replaceAll("-", ""), "hex").toString("base64url");
}

function decodeCursor(order, cursor) {
  const hex = Buffer.from(cursor, "base64url").toString("hex");
  const id = hex.slice(2).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  if (!UUID.test(id) || encodeCursor(order, id) !== cursor) throw new Refusal(422, "invalid_cursor");
  return id;
}

// A UUIDv7 of now as Holdfast makes it: microseconds after the version, then random bits; each sorts after those before.
let newest = 0;
function newId() {
  newest = Math.max(Math.floor((performance.timeOrigin + performance.now()) * 1000), newest + 1);
  const milliseconds = Math.floor(newest / 1000).toString(16).padStart(12, "0");
  const fraction = Math.floor(((newest % 1000) * 4096) / 1000).toString(16).padStart(3, "0");
  return `${milliseconds.slice(0, 8)}-${milliseconds.slice(8)}-7${fraction}${randomUUID().slice(18)}`;
}

app.get("/health/live", () => ({ status: "ok" }));

app.get(
  "/v1/tasks/:id",
  { onRequest: authenticate, schema: { response: { 200: task } } },
  async (request, reply) => {
    const [row] = await rows("get", [request.caller.user_id, checkedId(request)]);
    if (row === undefined) throw await absent(request);
    const etag = `"${row.version}"`;
    reply.header("etag", etag);
    if (request.headers["if-none-match"]?.includes(etag)) return reply.code(304).send();
    return row;
  },
);

app.get(
  "/v1/tasks",
  {
    onRequest: authenticate,
    schema: {
      querystring: input({
        limit: { type: "string", pattern: "^([1-9][0-9]?|1[0-9][0-9]|200)$" },
        cursor: { type: "string", maxLength: 200 },
        order: { enum: ["newest", "oldest"] },
        completed: { enum: ["true", "false"] },
      }),
      response: { 200: page },
    },
  },
  async (request) => {
    const { limit: text = "50", cursor, order = "newest", completed: wanted } = request.query;
    const limit = Number(text);
    const after = cursor ? decodeCursor(order, cursor) : order === "newest" ? FIRST_NEWEST : FIRST_OLDEST;
    const filter = wanted === undefined ? null : wanted === "true";
    const items = await rows(order, [request.caller.user_id, after, filter, limit + 1]);
    if (items.length <= limit) return { items, next_cursor: null };
    items.pop();
    return { items, next_cursor: encodeCursor(order, items[limit - 1].id) };
  },
);

app.post(
  "/v1/tasks",
  {
    onRequest: authenticate,
    schema: {
      body: input({ title, description, completed, due_date, priority, id: string }, ["title"]),
      response: { "2xx": task },
    },
  },
  async (request, reply) => {
    const { id = null, title, description = null, completed = false, due_date = null, priority = null } = request.body;
    if (id !== null && (!UUID.test(id) || id[14] !== "7")) throw new Refusal(422, "id_not_time_ordered");
    const userId = request.caller.user_id;
    let [row] = await rows("create", [userId, id ?? newId(), title, description, completed, due_date, priority]);
    reply.code(row === undefined ? 200 : 201);
    if (row === undefined) [row] = await rows("get", [userId, id]);
    reply.header("location", `/v1/tasks/${row.id}`).header("etag", `"${row.version}"`);
    return row;
  },
);

app.patch(
  "/v1/tasks/:id",
  {
    onRequest: authenticate,
    schema: { body: input({ title, description, completed, due_date, priority }), response: { 200: task } },
  },
  async (request, reply) => {
    const values = [request.caller.user_id, checkedId(request), expectedVersion(request), JSON.stringify(request.body)];
    const [row] = await rows("patch", values);
    if (row === undefined) throw await absent(request);
    reply.header("etag", `"${row.version}"`);
    return row;
  },
);

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, async () => {
    await app.close();
    await pool.end();
    process.exit(0);
  });
}

await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
