//! What to do about the codes that users of a bulk loader meet. One flat table.

/// What to do next when nobody knows whether a commit has happened, whatever its code.
pub const REMEDY_OF_A_COMMIT_IN_DOUBT: &str =
    "the answer to the commit was lost: look at what is in the table before anything is run again";

/// What to do next about an ORA code.
pub fn remedy(ora_code: i32) -> &'static str {
    match ora_code {
        1 => "look for duplicates of the key in the source, or for rows that are in the table already (--mode overwrite replaces them)",
        54 | 30006 => "another session holds a lock on the table: wait for it or end it, then run the same command again",
        60 => "another session waited for this one's rows: run the same command again",
        942 => "check the spelling, the schema (SCHEMA.TABLE) and the privileges on it; --mode create makes the table",
        904 => "check the column names with `olbridge describe TARGET`",
        955 => "the name is taken: choose another table, or --mode append",
        1013 => "run the same command again",
        1017 | 1005 => "check user and password (OLBRIDGE_PASSWORD or --password-file); both are case-sensitive",
        1031 => "ask the owner for the privilege: GRANT INSERT ON the table, or CREATE TABLE",
        1033 | 1034 | 1089 | 12514 | 12521 | 12528 => {
            "check the service name with `lsnrctl status` on the server, and that the database is open"
        }
        1045 => "the user needs the privilege: GRANT CREATE SESSION",
        1400 | 1407 => "fill the NULLs in the source, or drop NOT NULL from the column",
        1401 | 12899 => "make the column longer, or shorten the text in the source",
        1410 | 8103 => "the table was truncated, moved or dropped while it was read: run the same command again",
        1426 => "the number is too large for an Oracle NUMBER",
        1438 => "give the column more digits (ALTER TABLE … MODIFY), or round in the source",
        1466 => "the table was altered or truncated after that SCN: run the same command again, or name a later --as-of-scn",
        1555 => "the undo of that SCN is gone: name a later SCN, read with more --parallel, or raise UNDO_RETENTION",
        1461 | 1460 => "the value is longer than a VARCHAR2 may be: use a CLOB column",
        1536 => "ask for quota: ALTER USER … QUOTA UNLIMITED ON the tablespace",
        1653..=1655 | 1658 | 1659 | 1688 | 1691 | 1652 | 30036 | 1628 => {
            "the tablespace is full: ask for space, or load less in one transaction (--commit-rows)"
        }
        1722 | 6502 => "a text is no number: check the column types with `olbridge describe TARGET`",
        1804 => "the client's own files are incomplete: install the whole Instant Client package and check its directory",
        1841 | 1843 | 1847 | 1839 | 1830 | 1858 => "the value is no date that Oracle has: check the source",
        1882 => {
            "the client's or the server's time zone file has no such region: keep the instant at +00:00 with --lossy zone, or update the file"
        }
        1950 => "ask for quota on the tablespace: ALTER USER … QUOTA UNLIMITED ON it",
        2290 => "the check constraint refuses the row: correct it in the source",
        2291 => "the parent row is missing: load the parent table first",
        2292 => "rows of other tables refer to these: load with --mode append, or disable the constraint",
        2391 => "the user has as many sessions as its profile allows: end one",
        3113 | 3114 | 3135 | 3136 | 12570 | 12571 | 12537 | 12547 | 12583 | 28 | 1012 => {
            "the connection is lost and the server rolls back what was not committed: run the same command again"
        }
        8180 | 8181 | 8186 => "name an SCN or a time that is not in the future and that the database still knows",
        8182 => "this kind of table has no past: leave out --as-of-scn and --parallel",
        12154 => "the TNS alias is not in tnsnames.ora: check TNS_ADMIN, or use HOST:PORT/SERVICE",
        12505 => "the server knows no such SID: use the service name",
        12170 | 12535 | 12541 | 12543 | 12545 | 12560 => "check host and port, that the listener runs, and the firewall",
        12838 => "commit before the table is used again after a direct-path insert",
        16000 | 1456 => "the database or transaction is read-only: choose the primary",
        24315 => "this client library is too old for what was asked: install a newer Instant Client",
        28000 => "the account is locked: ALTER USER … ACCOUNT UNLOCK",
        28001 => "the password has expired: change it with another tool first",
        28040 | 28547 => "client and server do not agree on a login protocol: install a newer Instant Client",
        28759 | 28860 | 29024 => "check the wallet directory and the certificate",
        0 => "run `olbridge check TARGET` to see client and server",
        _ => "look the code up at https://docs.oracle.com/error-help/db/",
    }
}

#[cfg(test)]
mod tests {
    use super::remedy;

    #[test]
    fn well_known_codes_have_a_remedy_of_their_own() {
        let fallback = remedy(-1);
        for code in [1, 54, 942, 1017, 1031, 1400, 1438, 1653, 1950, 3113, 12154, 12514, 12541, 12899] {
            assert_ne!(remedy(code), fallback, "ORA-{code:05}");
        }
    }
}
