// One load of lineitem rows by node-oracledb (thick, executeMany) through the client library in a directory; prints rows, wall and CPU seconds.
//
//     node load.js CLIENT_DIR ROWS.ndjson DDL
//
// Node has no Parquet reader of its own, so the rows come from a file of JSON arrays, and neither reading nor parsing it is measured: only
// executeMany, which favours it. Decimals are JavaScript numbers, which is what the driver's users bind.
const fs = require("fs");
const oracledb = require("oracledb");

const BATCH_ROWS = 8192;
const DATES = [10, 11, 12];
const TEXTS = { 8: 1, 9: 1, 13: 25, 14: 10, 15: 44 };

async function main() {
  const [clientDir, file, ddl] = process.argv.slice(2);
  oracledb.initOracleClient({ libDir: clientDir });
  const connection = await oracledb.getConnection({ user: "olbridge", password: "olbridge", connectString: "null" });
  await connection.execute(ddl);
  const batches = [];
  let batch = [];
  for (const line of fs.readFileSync(file, "utf8").split("\n")) {
    if (line === "") continue;
    const row = JSON.parse(line);
    for (const index of DATES) row[index] = new Date(row[index]);
    batch.push(row);
    if (batch.length === BATCH_ROWS) {
      batches.push(batch);
      batch = [];
    }
  }
  if (batch.length > 0) batches.push(batch);
  const bindDefs = Array.from({ length: 16 }, (_, index) => {
    if (index in TEXTS) return { type: oracledb.STRING, maxSize: TEXTS[index] };
    return { type: DATES.includes(index) ? oracledb.DATE : oracledb.NUMBER };
  });
  const sql = "INSERT INTO LINEITEM VALUES (" + bindDefs.map((_, index) => `:${index + 1}`).join(", ") + ")";
  const began = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  let rows = 0;
  for (const one of batches) {
    const result = await connection.executeMany(sql, one, { bindDefs, autoCommit: false });
    if (result.rowsAffected !== one.length) throw new Error(`${result.rowsAffected} of ${one.length} rows were counted`);
    rows += one.length;
  }
  await connection.commit();
  const used = process.cpuUsage(cpu);
  console.log(rows, Number(process.hrtime.bigint() - began) / 1e9, (used.user + used.system) / 1e6);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
