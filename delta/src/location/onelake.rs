//! OneLake addresses. <https://learn.microsoft.com/fabric/onelake/onelake-access-api>: workspace and item are named both, or both by GUID.

use super::{Location, Service, decode, wrong};
use crate::error::Result;

/// Kinds of items, which follow an item's name in a path.
const ITEM_KINDS: [&str; 7] =
    ["Lakehouse", "Warehouse", "KQLDatabase", "SQLDatabase", "MirroredDatabase", "MirroredWarehouse", "SemanticModel"];

fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn has_kind(item: &str) -> bool {
    item.rsplit_once('.').is_some_and(|(name, kind)| !name.is_empty() && ITEM_KINDS.iter().any(|known| known.eq_ignore_ascii_case(kind)))
}

/// `WORKSPACE[/LAKEHOUSE[/…]]`, where `[SCHEMA/]TABLE`, `Tables/…` or `Files/…` follow.
pub(super) fn parse_short(typed: &str, rest: &str) -> Result<Location> {
    let mut parts = rest.splitn(3, '/');
    let workspace = decode(typed, parts.next().unwrap_or(""))?;
    let item = decode(typed, parts.next().unwrap_or(""))?;
    let inside = decode(typed, parts.next().unwrap_or(""))?;
    let item = if item.is_empty() || is_guid(&item) || has_kind(&item) { item } else { format!("{item}.Lakehouse") };
    let first = inside.split('/').next().unwrap_or("");
    let inside = match inside.split('/').filter(|part| !part.is_empty()).count() {
        _ if matches!(first, "Tables" | "Files") => inside,
        0 => inside,
        1 | 2 => format!("Tables/{inside}"),
        _ => {
            return Err(wrong(
                typed,
                "more than a schema and a table after the lakehouse",
                "onelake://WORKSPACE/LAKEHOUSE/SCHEMA/TABLE, or onelake://WORKSPACE/LAKEHOUSE/Files/FOLDER/FILE",
            ));
        }
    };
    at(typed, &workspace, "onelake", &format!("{item}/{inside}"))
}

/// A key in a workspace.
pub(super) fn at(typed: &str, workspace: &str, account: &str, key: &str) -> Result<Location> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if workspace.is_empty() || !workspace.chars().all(plain) {
        // Anything else is encoded twice on the way, and a workspace of another name is asked for.
        let message = format!("workspace {workspace:?} cannot be named in an address: only letters, digits, '-' and '_' can");
        return Err(wrong(typed, &message, "the workspace's GUID and the item's GUID (both are in the item's address in Fabric)"));
    }
    let item = key.split('/').next().unwrap_or("");
    if !item.is_empty() && is_guid(workspace) != is_guid(item) {
        return Err(wrong(
            typed,
            "workspace and item are given by GUID both, or both by name",
            "both GUIDs, as in the item's address in Fabric",
        ));
    }
    if !item.is_empty() && !is_guid(item) && !has_kind(item) {
        let message = format!("item {item:?} has no kind");
        return Err(wrong(typed, &message, &format!("{item}.Lakehouse")));
    }
    Location::of(Service::OneLake { workspace: workspace.to_owned(), account: account.to_owned() }, key.to_owned(), typed)
}
