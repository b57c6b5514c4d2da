//! A small schema and one object of it, with what decides about that object.

use std::sync::atomic::{AtomicU8, Ordering};

use model::change::SourceObject;
use model::fingerprint::Fingerprinter;
use model::link::{Entry, Intent, Link, LinkState, Origin, StagedKind};
use model::policies::Ownership;
use model::provisioning::Import;
use model::schema::Schema;
use model::settings::TargetVerification;
use model::{Anchor, Entropy, Name, Object, Timestamp};
use serde_json::{Value as Json, json};
use sync::{Answer, Context, Decision, Facts, Limits, Mapping, Need, Policy, Program, Seen, Step};

/// Attribute definitions and mappings of the usual schema.
pub(crate) fn schema() -> Json {
    json!({
        "directories": [
            {"name": "HR", "objects": [
                {"name": "Person", "attributes": [
                    {"name": "id", "anchor": true},
                    {"name": "login"}, {"name": "mail"}, {"name": "title"}, {"name": "tags", "multivalued": true},
                    {"name": "age", "type": "Integer"},
                    {"name": "boss", "type": "Reference", "referencedObjects": [{"referencedObjectName": "Person"}]}
                ]},
                {"name": "Team", "attributes": [
                    {"name": "id", "anchor": true}, {"name": "title"},
                    {"name": "members", "type": "Reference", "multivalued": true}
                ]}
            ]},
            {"name": "App", "objects": [
                {"name": "User", "attributes": [
                    {"name": "id", "anchor": true, "mutability": "ReadOnly"},
                    {"name": "userName", "required": true},
                    {"name": "email"}, {"name": "title", "caseExact": true}, {"name": "tags", "multivalued": true},
                    {"name": "age", "type": "Integer"},
                    {"name": "active", "type": "Boolean"},
                    {"name": "password", "mutability": "WriteOnly"},
                    {"name": "birthName", "mutability": "Immutable"},
                    {"name": "manager", "type": "Reference"}
                ]},
                {"name": "Group", "attributes": [
                    {"name": "id", "anchor": true}, {"name": "displayName"},
                    {"name": "members", "type": "Reference", "multivalued": true}
                ]}
            ]}
        ],
        "synchronizationRules": [{
            "id": "r1", "name": "Out", "priority": 1,
            "sourceDirectoryName": "HR", "targetDirectoryName": "App",
            "objectMappings": [
                {"name": "People", "enabled": true, "flowTypes": "Add, Update, Delete",
                 "sourceObjectName": "Person", "targetObjectName": "User",
                 "attributeMappings": [
                    mapping("userName", "[login]", json!({"matchingPriority": 1})),
                    mapping("email", "[mail]", json!({"matchingPriority": 2})),
                    mapping("title", "[title]", json!({"defaultValue": "Staff"})),
                    mapping("active", "Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", \"False\")", json!({})),
                    mapping("manager", "[boss]", json!({}))
                 ]},
                {"name": "Teams", "enabled": true, "flowTypes": "Add, Update, Delete",
                 "sourceObjectName": "Team", "targetObjectName": "Group",
                 "attributeMappings": [
                    mapping("displayName", "[title]", json!({"matchingPriority": 1})),
                    mapping("members", "[members]", json!({}))
                 ]}
            ]
        }]
    })
}

/// An attribute mapping with further properties.
#[expect(clippy::needless_pass_by_value, reason = "callers pass literals")]
pub(crate) fn mapping(target: &str, expression: &str, more: Json) -> Json {
    let mut mapping = json!({
        "targetAttributeName": target,
        "source": {"expression": expression, "type": "Function", "name": "", "parameters": []}
    });
    for (key, value) in more.as_object().unwrap() {
        mapping[key] = value.clone();
    }
    mapping
}

/// The object mapping of people in a schema.
pub(crate) fn people(schema: &mut Json) -> &mut Json {
    &mut schema["synchronizationRules"][0]["objectMappings"][0]
}

pub(crate) fn program(schema: &Json) -> Program {
    let schema: Schema = serde_json::from_value(schema.clone()).unwrap();
    sync::compile(&schema).unwrap()
}

/// Chance: the same each time, or another each time.
struct Lots {
    changing: bool,
    drawn: AtomicU8,
}

impl Entropy for Lots {
    fn fill(&self, buffer: &mut [u8]) {
        for octet in buffer {
            let drawn = self.drawn.fetch_add(u8::from(self.changing) * 37, Ordering::Relaxed);
            *octet = drawn;
        }
    }
}

/// Lots that always come out the same.
pub(crate) fn lots() -> impl Entropy {
    Lots { changing: false, drawn: AtomicU8::new(7) }
}

/// One object with everything that is known of it.
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct World {
    pub(crate) program: Program,
    pub(crate) source: Option<SourceObject>,
    pub(crate) link: Option<Link>,
    pub(crate) intent: bool,
    pub(crate) unsettled: bool,
    pub(crate) disowned: bool,
    pub(crate) policy: Policy,
    pub(crate) soft_delete: bool,
    pub(crate) stage: bool,
    pub(crate) sends: Option<StagedKind>,
    pub(crate) excluded: Option<&'static str>,
    pub(crate) expired: bool,
    pub(crate) last_chance: bool,
    /// Objects of the target.
    pub(crate) target: Vec<Object>,
    /// Who owns which target object.
    pub(crate) owners: Vec<(Anchor, Entry)>,
    /// Whether the claim is granted.
    pub(crate) claimed: bool,
    /// Attributes and values that somebody else has the claim on.
    pub(crate) taken: Vec<(Name, String)>,
    /// True where lots come out otherwise each time.
    pub(crate) chance: bool,
    /// Rounds of questions that a decision may take.
    pub(crate) rounds: usize,
    /// What was asked, in order.
    pub(crate) asked: Vec<Need>,
}

pub(crate) fn person() -> Object {
    Object::new("Person", "p1").with("login", "ada").with("mail", "ada@x").with("title", "Engineer")
}

pub(crate) fn account() -> Object {
    Object::new("User", "u1")
        .with("userName", "ada")
        .with("email", "ada@x")
        .with("title", "Engineer")
        .with("active", true)
}

pub(crate) fn link(state: LinkState) -> Link {
    Link {
        kind: "User".into(),
        anchor: "u1".into(),
        state,
        origin: Origin::Created,
        disabled: state == LinkState::Released,
        exported: Vec::new(),
    }
}

pub(crate) fn entry(source: &str, link: Option<Link>) -> Entry {
    Entry {
        rule: "r1".into(),
        kind: "Person".into(),
        source: source.into(),
        mapping: "People".into(),
        display_name: Some("Ada".into()),
        link,
        seen_generation: 1,
        last_skip: 0,
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(&schema())
    }

    pub(crate) fn of(schema: &Json) -> Self {
        Self {
            program: program(schema),
            source: Some(SourceObject::active(person())),
            link: None,
            intent: false,
            unsettled: false,
            disowned: false,
            policy: Policy {
                skip_out_of_scope_deletions: false,
                verification: TargetVerification::ReadBeforeUpdate,
                fingerprints: Fingerprinter::new([3; 16]),
                ownership: Ownership::All,
                limits: Limits::default(),
            },
            soft_delete: true,
            stage: false,
            sends: None,
            excluded: None,
            expired: false,
            last_chance: false,
            target: Vec::new(),
            owners: Vec::new(),
            claimed: true,
            taken: Vec::new(),
            chance: false,
            rounds: 20,
            asked: Vec::new(),
        }
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        &self.program.rules[0].mappings[0]
    }

    pub(crate) fn source(&mut self) -> &mut SourceObject {
        self.source.as_mut().unwrap()
    }

    /// Answers every need from the world until there is a decision.
    pub(crate) fn decide(&mut self) -> Decision {
        let entry = self.link.clone().map(|link| entry("p1", Some(link)));
        let anchor = Anchor::from("p1");
        let intent = Intent {
            rule: "r1".into(),
            kind: "Person".into(),
            source: anchor.clone(),
            target_kind: "User".into(),
            matching: vec![("userName".into(), "ada".into())],
        };
        let mut answers = Vec::new();
        let lots = Lots { changing: self.chance, drawn: AtomicU8::new(7) };
        let mut context = Context::new(Timestamp::UNIX_EPOCH, &lots);
        for _ in 0..self.rounds {
            let facts = Facts {
                mapping: self.mapping(),
                anchor: &anchor,
                seen: self.source.as_ref().map_or(Seen::Gone, Seen::Present),
                import: Import::Update,
                entry: entry.as_ref(),
                disowned: self.disowned,
                intent: self.intent.then_some(&intent),
                unsettled: self.unsettled,
                policy: &self.policy,
                soft_delete: self.soft_delete,
                stage_removals: self.stage,
                sends: self.sends,
                excluded: self.excluded,
                expired: self.expired,
                last_chance: self.last_chance,
            };
            match sync::decide(&facts, &answers, &mut context) {
                Step::Done(decision) => return *decision,
                Step::Need(needs) => {
                    for need in needs {
                        let answer = self.answer(&need);
                        self.asked.push(need.clone());
                        answers.push((need, answer));
                    }
                }
            }
        }
        panic!("no decision after {:?}", self.asked);
    }

    fn answer(&self, need: &Need) -> Answer {
        match need {
            Need::Find { attribute, value, .. } | Need::Vacant { attribute, value, .. } => Answer::Objects(
                self.target.iter().filter(|object| object.get(attribute) == value).cloned().collect(),
            ),
            Need::Read(anchor) => {
                Answer::Object(self.target.iter().find(|object| object.anchor == *anchor).cloned())
            }
            Need::Owner(anchor) => Answer::Owner(
                self.owners
                    .iter()
                    .find(|(owned, _)| owned == anchor)
                    .map(|(_, entry)| Box::new(entry.clone())),
            ),
            Need::Claim(keys) => {
                Answer::Claimed(self.claimed && !keys.iter().any(|key| self.taken.contains(key)))
            }
        }
    }
}
