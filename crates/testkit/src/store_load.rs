//! A load for stores: the commits of an initial cycle, as an engine would make them.

use std::time::{Duration, Instant};

use model::fingerprint::Fingerprint;
use model::link::{Entry, Exported, Link, LinkState, Origin};
use model::provisioning::{Action, Identity, Import, ModifiedProperty, Outcome, ProvisioningRecord, Step};
use model::{Anchor, CycleId, Entropy, JobId, Name, Timestamp, Uuid, Value};
use store::{Commit, EdgeWrite, Intent, SharedStore};

/// Attributes of an account: as many mappings are usual.
const ATTRIBUTES: [&str; 15] = [
    "userName",
    "active",
    "displayName",
    "title",
    "emails[type eq \"work\"].value",
    "preferredLanguage",
    "name.givenName",
    "name.familyName",
    "name.formatted",
    "addresses[type eq \"work\"].locality",
    "phoneNumbers[type eq \"work\"].value",
    "externalId",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization",
];

/// What a commit holds of each object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A record of the provisioning log alone.
    Record,
    /// An entry with its link.
    Entry,
    /// An entry with its link, a record of the provisioning log and two reference edges.
    Whole,
    /// As `Whole`, with an intent committed before.
    WholeWithIntent,
}

/// Makes the commits of objects one to `objects`, a page each, and gives them to the store one after another. Returns how long
/// the store took; making the rows is not counted.
pub async fn commit_objects(
    store: &SharedStore,
    job: &JobId,
    entropy: &dyn Entropy,
    (objects, page): (u64, u64),
    shape: Shape,
) -> store::Result<Duration> {
    let mut busy = Duration::ZERO;
    let cycle = CycleId(entropy.uuid());
    for first in (0..objects).step_by(usize::try_from(page).unwrap_or(1).max(1)) {
        let numbers = first..objects.min(first + page);
        let (intents, commit) = page_of(entropy, cycle, numbers, shape);
        let begin = Instant::now();
        if !intents.is_empty() {
            store.begin_creates(job, 0, intents).await?;
        }
        store.commit(job, commit).await?;
        busy += begin.elapsed();
    }
    Ok(busy)
}

/// The source anchor of an object: the same in every run, in no order.
#[must_use]
pub fn source(number: u64) -> Anchor {
    anchor(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn anchor(lot: u64) -> Anchor {
    let bits = u128::from(lot) << 64 | u128::from(lot.rotate_left(29));
    Anchor::new(uuid_text(Uuid::from_u128(bits)))
}

fn uuid_text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

fn page_of(
    entropy: &dyn Entropy,
    cycle: CycleId,
    numbers: std::ops::Range<u64>,
    shape: Shape,
) -> (Vec<Intent>, Commit) {
    let mut commit = Commit { runtime: Some(format!("{{\"cursor\":{}}}", numbers.end)), ..Commit::default() };
    let mut intents = Vec::new();
    for number in numbers {
        let (source, target) = (source(number), anchor(entropy.number()));
        if shape != Shape::Record {
            commit.entries.push(entry(number, &source, &target));
        }
        if shape != Shape::Entry {
            commit.log.push(record(entropy, cycle, number, &source, &target));
        }
        if matches!(shape, Shape::Record | Shape::Entry) {
            continue;
        }
        for (attribute, referenced) in [("manager", number / 10), ("members", number + 1)] {
            commit.edges.push(EdgeWrite::Want {
                rule: "rule-user".into(),
                owner: source.clone(),
                attribute: attribute.into(),
                multivalued: attribute == "members",
                referenced: self::source(referenced),
                generation: 1,
            });
        }
        if shape == Shape::WholeWithIntent {
            commit.resolved.push(("rule-user".into(), source.clone()));
            intents.push(Intent {
                rule: "rule-user".into(),
                kind: "User".into(),
                source,
                target_kind: "urn:ietf:params:scim:schemas:core:2.0:User".into(),
                matching: vec![("userName".into(), Value::from(format!("person{number}@example.com")))],
            });
        }
    }
    (intents, commit)
}

fn entry(number: u64, source: &Anchor, target: &Anchor) -> Entry {
    let exported = (0u32..).zip(ATTRIBUTES).map(|(position, _)| {
        let print = Fingerprint(number << 8 | u64::from(position));
        Exported { attribute: position * 0x0101_0101, computed: print, shown: print }
    });
    Entry {
        rule: "rule-user".into(),
        kind: "User".into(),
        source: source.clone(),
        mapping: "Provision users".into(),
        display_name: Some(Name::from(format!("Person Number {number}"))),
        link: Some(Link {
            kind: "urn:ietf:params:scim:schemas:core:2.0:User".into(),
            anchor: target.clone(),
            state: LinkState::Active,
            origin: Origin::Created,
            disabled: false,
            exported: exported.collect(),
        }),
        seen_generation: 1,
        last_skip: 0,
    }
}

fn record(
    entropy: &dyn Entropy,
    cycle: CycleId,
    number: u64,
    source: &Anchor,
    target: &Anchor,
) -> ProvisioningRecord {
    let moment = Timestamp::from_millisecond(1_700_000_000_000 + i64::try_from(number / 20).unwrap_or(0));
    let moment = moment.unwrap_or(Timestamp::UNIX_EPOCH);
    let name = Some(Name::from(format!("Person Number {number}")));
    let value =
        |attribute: &str| Value::from(format!("{} {number}", attribute.get(..6).unwrap_or(attribute)));
    ProvisioningRecord {
        id: entropy.uuid_at(moment),
        moment,
        duration_ms: 3,
        cycle,
        change: entropy.uuid(),
        action: Action::Create,
        outcome: Outcome::Success,
        skip: None,
        failure: None,
        source: Identity { anchor: Some(source.clone()), kind: "User".into(), name: name.clone() },
        target: Identity {
            anchor: Some(target.clone()),
            kind: "urn:ietf:params:scim:schemas:core:2.0:User".into(),
            name,
        },
        steps: vec![
            Step::Import(Import::Add),
            Step::Scoping { inactive: None, clause: None },
            Step::Match {
                attribute: "userName".into(),
                value: format!("person{number}@example.com"),
                hits: 0,
            },
            Step::Decide(Action::Create),
            Step::Export(Action::Create),
        ],
        modified: ATTRIBUTES
            .iter()
            .map(|name| ModifiedProperty { name: Name::new_static(name), old: Value::Null, new: value(name) })
            .collect(),
    }
}
