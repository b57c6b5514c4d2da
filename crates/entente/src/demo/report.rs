//! What happened, as tables that fit into 80 columns.

use std::collections::{BTreeMap, HashMap};

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use graph::synchronization::ProvisioningObjectSummary;
use graph::synchronization::status::TaskExecution;

/// The width that every terminal has.
const WIDTH: u16 = 80;
/// Characters of a value that are shown.
const SHOWN: usize = 26;
/// Changes of one record that are shown.
const CHANGES: usize = 3;
/// What an object can have gone through.
const COLUMNS: [&str; 5] = ["created", "updated", "disabled", "skipped", "failed"];

/// What became of one object in a cycle, all its records together: references have records of their own.
struct Object {
    kind: String,
    name: String,
    fate: &'static str,
    changes: Vec<String>,
}

/// Names for the identifiers that records tell, at either side.
#[derive(Default)]
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    /// Learns the names in the records.
    pub(crate) fn learn(&mut self, records: &[ProvisioningObjectSummary]) {
        for record in records.iter().filter(|record| !record.source_identity.display_name.is_empty()) {
            for identity in [&record.source_identity, &record.target_identity] {
                self.0.insert(identity.id.clone(), record.source_identity.display_name.clone());
            }
        }
    }

    fn of<'n>(&'n self, text: &'n str) -> &'n str {
        self.0.get(text).map_or(text, String::as_str)
    }
}

/// The objects of a cycle, in the order of their first record.
fn objects(records: &[ProvisioningObjectSummary], names: &Names) -> Vec<Object> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut objects: Vec<Object> = Vec::new();
    for record in records {
        let identity = &record.source_identity;
        let place = *places.entry(identity.id.as_str()).or_insert(objects.len());
        if place == objects.len() {
            objects.push(Object {
                kind: identity.identity_type.clone(),
                name: names.of(&identity.id).to_owned(),
                fate: fate(record),
                changes: Vec::new(),
            });
        }
        let Some(object) = objects.get_mut(place) else { continue };
        if weight(fate(record)) < weight(object.fate) {
            object.fate = fate(record);
        }
        object.changes.extend(changes(record, names));
    }
    objects
}

/// What one record came to, in the words of the columns.
fn fate(record: &ProvisioningObjectSummary) -> &'static str {
    match (record.provisioning_status_info.status.as_str(), record.provisioning_action.as_str()) {
        ("failure", _) => "failed",
        ("skipped", _) => "skipped",
        (_, "create") => "created",
        (_, "disable") => "disabled",
        (_, "delete") => "deleted",
        _ => "updated",
    }
}

/// What says most about an object has the least weight.
fn weight(fate: &str) -> usize {
    ["failed", "created", "deleted", "disabled", "updated"]
        .iter()
        .position(|one| *one == fate)
        .unwrap_or(usize::MAX)
}

/// How many objects of which type went through what.
pub(crate) fn counts(records: &[ProvisioningObjectSummary]) -> Table {
    let mut rows: BTreeMap<String, [u64; COLUMNS.len()]> = BTreeMap::new();
    for object in objects(records, &Names::default()) {
        let row = rows.entry(object.kind).or_default();
        let column = COLUMNS.iter().position(|column| *column == object.fate);
        if let Some(count) = column.and_then(|column| row.get_mut(column)) {
            *count += 1;
        }
    }
    let mut table = table();
    table.set_header(["type"].into_iter().chain(COLUMNS));
    // Users come before groups, as they are provisioned.
    for (kind, row) in rows.iter().rev() {
        table.add_row([kind.clone()].into_iter().chain(row.iter().map(ToString::to_string)));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// One row per object that a cycle touched.
pub(crate) fn touched(records: &[ProvisioningObjectSummary], names: &Names) -> Table {
    let mut table = table();
    table.set_header(["", "object", "what the log says"]);
    for object in objects(records, names).into_iter().filter(|object| object.fate != "skipped") {
        let name = format!("{} {}", object.kind.to_lowercase(), short(&object.name));
        table.add_row([object.fate.to_owned(), name, object.changes.join("\n")]);
    }
    table
}

fn changes(record: &ProvisioningObjectSummary, names: &Names) -> Vec<String> {
    if let Some(error) = &record.provisioning_status_info.error_information {
        return vec![error.reason.clone()];
    }
    if record.provisioning_action == "create" {
        return vec![format!("{} attributes", record.modified_properties.len())];
    }
    let value = |value: &Option<String>| {
        value.as_deref().map_or_else(|| "nothing".to_owned(), |text| short(names.of(text)))
    };
    let mut lines: Vec<String> = record
        .modified_properties
        .iter()
        .take(CHANGES)
        .map(|property| {
            // Of an extension's attribute, the last part of the name says enough.
            let name = property.display_name.rsplit(':').next().unwrap_or_default();
            format!("{}: {} → {}", short(name), value(&property.old_value), value(&property.new_value))
        })
        .collect();
    let more = record.modified_properties.len().saturating_sub(CHANGES);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn short(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let begin: String = text.chars().take(SHOWN - 1).collect();
    format!("{begin}…")
}

/// How long a cycle took, and how fast it was.
pub(crate) fn pace(cycle: &TaskExecution, records: &[ProvisioningObjectSummary]) -> String {
    let seconds = cycle.time_ended.duration_since(cycle.time_began).as_secs_f64().max(0.001);
    let touched =
        objects(records, &Names::default()).iter().filter(|object| object.fate != "skipped").count();
    #[expect(clippy::cast_precision_loss, reason = "it is shown without decimals")]
    let rate = touched as f64 / seconds;
    let noun = if touched == 1 { "object" } else { "objects" };
    let took = if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.1} s") };
    format!(
        "{touched} {noun} in {took}, {rate:.0} per second; {} exports with references",
        cycle.count_exported
    )
}

fn table() -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A record of the object of this name, which is its identifier too.
    fn record(
        kind: &str,
        name: &str,
        action: &str,
        status: &str,
        modified: &[(&str, &str, &str)],
    ) -> ProvisioningObjectSummary {
        let text = |value: &str| (!value.is_empty()).then(|| value.to_owned());
        let modified: Vec<_> = modified
            .iter()
            .map(
                |(name, old, new)| json!({"displayName": name, "oldValue": text(old), "newValue": text(new)}),
            )
            .collect();
        let identity = |kind: &str| json!({"id": name, "displayName": "", "identityType": kind});
        let named = json!({"id": "1", "displayName": "x"});
        serde_json::from_value(json!({
            "id": "1", "activityDateTime": "2026-01-05T08:00:00Z", "tenantId": "t", "jobId": "j", "cycleId": "c",
            "changeId": "h", "provisioningAction": action, "durationInMilliseconds": 1,
            "provisioningStatusInfo": {"status": status, "errorInformation": null}, "provisioningSteps": [],
            "modifiedProperties": modified, "servicePrincipal": named, "sourceSystem": named, "targetSystem": named,
            "initiatedBy": {"id": "", "displayName": "x", "initiatorType": "system"},
            "sourceIdentity": identity(kind), "targetIdentity": identity("Account"),
        }))
        .unwrap()
    }

    #[test]
    fn outcomes_are_counted_by_type() {
        let records = [
            record("Group", "g", "create", "success", &[]),
            record("User", "a", "create", "success", &[]),
            record("User", "b", "create", "success", &[]),
            record("User", "c", "create", "failure", &[]),
            record("User", "d", "other", "skipped", &[]),
            record("User", "e", "disable", "success", &[]),
            record("User", "a", "update", "success", &[("manager", "", "b")]),
        ];
        let lines: Vec<String> = counts(&records).lines().collect();
        assert_eq!(lines[1], "│ type  ┆ created ┆ updated ┆ disabled ┆ skipped ┆ failed │");
        assert_eq!(lines[3], "│ User  ┆       2 ┆       0 ┆        1 ┆       1 ┆      1 │");
        assert_eq!(lines[4], "│ Group ┆       1 ┆       0 ┆        0 ┆       0 ┆      0 │");
    }

    #[test]
    fn what_was_touched_fits_into_80_columns() {
        let long = "x".repeat(200);
        let records = [
            record("User", "Zoë Żak", "update", "success", &[("displayName", "Zoë Żak", "Zoë Ünal")]),
            record(
                "User",
                &long,
                "update",
                "success",
                &[(&long, "", &long), ("b", "1", ""), ("c", "", "2"), ("d", "", "3")],
            ),
            record("User", "skipped one", "other", "skipped", &[]),
        ];
        let shown = touched(&records, &Names::default()).to_string();
        assert!(shown.lines().all(|line| line.chars().count() <= usize::from(WIDTH)), "{shown}");
        assert!(shown.contains("displayName: Zoë Żak → Zoë Ünal"), "{shown}");
        assert!(shown.contains("b: 1 → nothing") && shown.contains("and 1 more"), "{shown}");
        assert!(!shown.contains("skipped one"), "{shown}");
    }

    #[test]
    fn records_of_one_object_are_one_row_with_names() {
        let mut named = record("User", "s1", "create", "success", &[]);
        named.source_identity.display_name = "Zoë Żak".to_owned();
        named.target_identity.id = "t1".to_owned();
        let mut names = Names::default();
        names.learn(&[named]);
        let records = [
            record("Group", "g", "update", "success", &[("members", "", "t1")]),
            record("User", "s1", "update", "success", &[("title", "a", "b")]),
            record("Group", "g", "update", "success", &[("members", "t2", "")]),
        ];
        let lines: Vec<String> =
            touched(&records, &names).lines().map(|line| line.replace("  ", "")).collect();
        assert_eq!(lines.len(), 7, "{lines:?}");
        assert!(lines[3].contains("group g") && lines[3].contains("members: nothing → Zoë Żak"), "{lines:?}");
        assert!(lines[4].contains("members: t2 → nothing"), "{lines:?}");
        assert!(lines[5].contains("user Zoë Żak") && lines[5].contains("title: a → b"), "{lines:?}");
    }

    #[test]
    fn the_pace_is_told() {
        let cycle: TaskExecution = serde_json::from_value(json!({
            "activityIdentifier": "c", "countEntitled": 0, "countEntitledForProvisioning": 0, "countEscrowed": 0,
            "countEscrowedRaw": 0, "countExported": 540, "countExports": 540, "countImported": 540,
            "countImportedDeltas": 540, "countImportedReferenceDeltas": 0, "error": null, "state": "Succeeded",
            "timeBegan": "2026-01-05T08:00:00Z", "timeEnded": "2026-01-05T08:00:02Z",
        }))
        .unwrap();
        let records =
            [record("User", "a", "create", "success", &[]), record("User", "a", "update", "success", &[])];
        assert_eq!(pace(&cycle, &records), "1 object in 2.0 s, 0 per second; 540 exports with references");
    }
}
