//! Column mapping in the schema's JSON (protocol, "Column Mapping"): every field, nested ones too, has an id and the name that files use.

use serde_json::{Value, json};
use uuid::Uuid;

/// Property that counts the ids.
pub(super) const MAX_COLUMN_ID: &str = "delta.columnMapping.maxColumnId";
const ID: &str = "delta.columnMapping.id";
const PHYSICAL_NAME: &str = "delta.columnMapping.physicalName";

/// Gives a field and what is nested in it ids and physical names: a new field one of its own, one that is in files already its present name.
pub(super) fn assign(field: &mut Value, last: &mut i64, is_new: bool) {
    *last += 1;
    let physical = if is_new { format!("col-{}", Uuid::new_v4()) } else { field["name"].as_str().unwrap_or_default().to_owned() };
    if !field["metadata"].is_object() {
        field["metadata"] = json!({});
    }
    field["metadata"][ID] = (*last).into();
    field["metadata"][PHYSICAL_NAME] = physical.into();
    assign_nested(&mut field["type"], last, is_new);
}

fn assign_nested(of: &mut Value, last: &mut i64, is_new: bool) {
    match of["type"].as_str() {
        Some("struct") => {
            of["fields"].as_array_mut().into_iter().flatten().for_each(|field| assign(field, last, is_new));
        }
        Some("array") => assign_nested(&mut of["elementType"], last, is_new),
        Some("map") => {
            assign_nested(&mut of["keyType"], last, is_new);
            assign_nested(&mut of["valueType"], last, is_new);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_fields_have_ids_of_their_own_and_present_names_stay() {
        let mut field = json!({"name": "s", "type": {"type": "array", "elementType": {"type": "struct", "fields": [
            {"name": "x", "type": "long", "nullable": true, "metadata": {}},
        ]}, "containsNull": true}, "nullable": true, "metadata": {"comment": "kept"}});
        let mut last = 4;
        assign(&mut field, &mut last, false);
        assert_eq!(last, 6);
        assert_eq!(field["metadata"], json!({"comment": "kept", ID: 5, PHYSICAL_NAME: "s"}));
        assert_eq!(field["type"]["elementType"]["fields"][0]["metadata"], json!({ID: 6, PHYSICAL_NAME: "x"}));
    }
}
