//! What fields cost beyond a point, by their names, for the guard, which does not know the schema. A field is named here
//! when it needs statements of its own on every item that it is selected on, or answers a list that is no page. The
//! figures say how much dearer it is than a column, roughly; a test sees to it that every name is there.

/// Points of a field on one item.
pub fn weight(field: &str) -> u64 {
    match field {
        // A count looks at everything that a page leaves out; the others are read thing by thing.
        "totalCount" | "history" | "readiness" | "subjects" | "effectiveProfile" | "extensionMobility"
        | "layout" => 10,
        "deletePreview" | "nameAvailability" | "previewLineChange" | "selectableNumbers" => 50,
        // Everything of a kind at once, or every noun looked through.
        "products" | "rules" | "search" | "sessionSnapshot" => 100,
        // States are rebuilt from the changes that are kept.
        "profileAt" | "profileDiff" => 200,
        // All numbers are looked at; the whole schema is told.
        "numberAudit" | "__schema" => 1_000,
        _ => 1,
    }
}

/// Whether a type is an interface or a union.
pub fn is_abstract(name: &str) -> bool {
    matches!(name, "Button" | "Change" | "Device" | "Node" | "Template")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the schema that begin a line after so many tabs.
    fn names(keywords: &[&str]) -> Vec<String> {
        let sdl = crate::schema::sdl();
        let declared = sdl.lines().filter_map(|line| {
            let rest = keywords.iter().find_map(|keyword| line.strip_prefix(keyword))?;
            Some(rest.chars().take_while(char::is_ascii_alphanumeric).collect())
        });
        declared.collect()
    }

    #[test]
    fn every_name_with_a_weight_is_a_field() {
        let fields = names(&["\t"]);
        let source = include_str!("weight.rs");
        let body = source
            .split_once("match field {")
            .and_then(|(_, rest)| rest.split_once("_ => 1"))
            .expect("the match");
        let named: Vec<&str> = body.0.split('"').skip(1).step_by(2).collect();
        assert!(named.len() > 10, "{named:?}");
        for name in named.into_iter().filter(|name| !name.starts_with("__")) {
            assert!(fields.iter().any(|field| field == name), "{name}");
            assert!(weight(name) > 1, "{name}");
        }
    }

    #[test]
    fn every_interface_and_union_is_abstract_and_no_object_is() {
        for name in names(&["interface ", "union "]) {
            assert!(is_abstract(&name), "{name}");
        }
        for name in names(&["type "]) {
            assert!(!is_abstract(&name), "{name}");
        }
    }
}
