// One read of LINEITEM by node-oracledb (thick) through the client library in a directory; prints rows, wall and CPU seconds.
//
//     node read.js CLIENT_DIR DATABASE HOW        HOW is rows (a result set's getRows), or exact (the same, NUMBER as text: all digits)
//
// JavaScript's numbers are floats, so that text is the way to exact decimals that the driver's users have.
const oracledb = require("oracledb");

const FETCH_ROWS = 8192;

async function main() {
  const [clientDir, database, how] = process.argv.slice(2);
  oracledb.initOracleClient({ libDir: clientDir });
  const connection = await oracledb.getConnection({ user: "olbridge", password: "olbridge", connectString: database });
  const options = { resultSet: true, fetchArraySize: FETCH_ROWS, prefetchRows: 0 };
  if (how === "exact") {
    options.fetchTypeHandler = (column) => (column.dbType === oracledb.DB_TYPE_NUMBER ? { type: oracledb.STRING } : undefined);
  }
  const began = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const { resultSet } = await connection.execute("SELECT * FROM LINEITEM", [], options);
  let rows = 0;
  for (;;) {
    const some = await resultSet.getRows(FETCH_ROWS);
    if (some.length === 0) break;
    rows += some.length;
  }
  const used = process.cpuUsage(cpu);
  console.log(rows, Number(process.hrtime.bigint() - began) / 1e9, (used.user + used.system) / 1e6);
  await resultSet.close();
  await connection.close();
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
