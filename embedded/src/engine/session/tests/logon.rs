//! Users who log on for others.

use super::*;

#[test]
fn a_proxy_logs_on_for_a_client_who_lets_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let path = path.to_str().unwrap();
    let connect = |user: &str, password: &str| Session::connect(path, user, password);
    let mut admin = connect("admin", "").unwrap();
    run(&mut admin, "CREATE USER loader IDENTIFIED BY lion").unwrap();
    run(&mut admin, "CREATE USER owner IDENTIFIED BY owl").unwrap();
    assert_eq!(code(connect("loader[owner]", "lion").map(drop)), 28150);
    run(&mut admin, "ALTER USER owner GRANT CONNECT THROUGH loader").unwrap();
    let mut s = connect("loader[owner]", "lion").unwrap();
    let names = "USER || ' ' || SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') || ' ' || SYS_CONTEXT('USERENV', 'PROXY_USER')";
    assert_eq!(value(&mut s, names), "OWNER OWNER LOADER");
    assert_eq!(value(&mut admin, "SYS_CONTEXT('USERENV', 'PROXY_USER')"), "NULL");
    assert_eq!(code(connect("loader[owner]", "owl").map(drop)), 1017, "the password is the proxy's");
    assert_eq!(code(connect("owner[loader]", "owl").map(drop)), 28150, "it goes one way");
    run(&mut admin, "ALTER USER owner REVOKE CONNECT THROUGH loader").unwrap();
    assert_eq!(code(connect("loader[owner]", "lion").map(drop)), 28150);
    assert_eq!(code(run(&mut admin, "ALTER USER owner GRANT CONNECT THROUGH nobody")), 1918);
    assert_eq!(code(run(&mut admin, "ALTER USER owner GRANT CONNECT THROUGH loader WITH NO ROLES")), 922);
}
