//! Why an object is as it is: the decision that a cycle would make about it now, with everything that it rests on.
//!
//! Reads source and target, and writes nothing anywhere.

use std::sync::Arc;

use connector::Entitlement;
use model::change::SourceObject;
use model::job::{Job, Quarantine, ScheduleState};
use model::link::{Link, LinkState, Origin};
use model::provisioning::{ProvisioningRecord, Step as TraceStep};
use model::schema::Schema;
use model::settings::JobSettings;
use model::{Anchor, Name, Object, Timestamp, Value};
use store::{Escrow, FailingEdge, Staged, Wait};
use sync::{Answer, Need, Preview};

use crate::control::{ControlError, Result};
use crate::cycle::{Cycle, Halt, Item, Mode, Prepared, Results, Warrant};
use crate::desk::Desk;
use crate::engine::Engine;
use crate::live::Live;
use crate::stop::Stopper;
use crate::time::after;

/// References of an object that are told of at most.
const MOST_REFERENCES: usize = 100;

/// Why an object is as it is.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The object.
    pub anchor: Anchor,
    /// Its type, where source or memory know it.
    pub kind: Option<Name>,
    /// What the source shows; none where it does not have the object.
    pub source: Option<SourceObject>,
    /// How it came by its right to an account, as far as the source tells.
    pub entitlement: Vec<Entitlement>,
    /// Whether the job runs.
    pub schedule: ScheduleState,
    /// Where the job is slowed down.
    pub quarantine: Option<Quarantine>,
    /// When the job's next cycle is due, where it runs.
    pub next_cycle: Option<Timestamp>,
    /// What each rule makes of it; rules that have nothing to do with it are left out.
    pub rules: Vec<RuleExplanation>,
    /// All of this in words.
    pub words: Vec<String>,
}

/// What a rule makes of an object.
#[derive(Clone, Debug)]
pub struct RuleExplanation {
    /// The rule's id.
    pub rule: Name,
    /// The object mapping that owns the object; none where none does.
    pub mapping: Option<Name>,
    /// What the provisioning log would say.
    pub record: ProvisioningRecord,
    /// The account.
    pub link: Option<Link>,
    /// The last failure, with its next attempt, or given up.
    pub escrow: Option<Escrow>,
    /// References of the object that failed, no more than a hundred.
    pub references: Vec<FailingEdge>,
    /// A write that waits for the end of the cycle, or for consent.
    pub staged: Option<Staged>,
    /// What each attribute would be.
    pub values: Vec<ExplainedValue>,
}

/// What an attribute of the account would be.
#[derive(Clone, Debug)]
pub struct ExplainedValue {
    /// What the mapping gives.
    pub preview: Preview,
    /// The mapping's expression.
    pub expression: Option<String>,
    /// What the target shows, where it was read.
    pub present: Option<Value>,
    /// What would be sent; none where nothing would.
    pub sent: Option<Value>,
}

impl Engine {
    /// Explains what would be decided about an object now, and why.
    pub async fn explain(&self, job: &Job, anchor: &Anchor) -> Result<Explanation> {
        let services = &self.services;
        let prepared = self.runner(job).prepared(services, job.clone()).await?;
        let (desk, live, (_stopper, stop)) = (Arc::<Desk>::default(), Live::default(), Stopper::new());
        let at = (&desk, desk.party());
        let cycle = Cycle::aside(services, &prepared, &stop, &live, at, Warrant::Nothing).await?;
        // A stranger's account would be told of as the object's own.
        if let Some(words) = cycle.runtime().belongs_elsewhere(&prepared) {
            return Err(ControlError::Unfit(words));
        }
        let source = find(&prepared, anchor).await?;
        let memory = cycle.memory_of(std::slice::from_ref(anchor)).await?;
        let mut items = Vec::new();
        let mut unowned = Vec::new();
        match &source {
            Some(source) => {
                cycle.items_of(source.clone(), &memory, &mut items);
                let taken = |rule: &Name| items.iter().any(|item| item.mapping.rule == *rule);
                let rules = prepared.program.rules.iter();
                let reading = |rule: &&sync::Rule| {
                    rule.mappings.iter().any(|mapping| mapping.source_kind == source.object.kind)
                };
                unowned.extend(rules.filter(reading).map(|rule| rule.id.clone()).filter(|id| !taken(id)));
            }
            None => cycle.gone_items(anchor, &memory, &mut items),
        }
        if source.is_none() && items.is_empty() {
            return Err(ControlError::UnknownObject(anchor.to_string()));
        }
        let rules = Explaining { cycle: &cycle, prepared: &prepared, anchor }.rules(items, unowned).await?;
        self.whole(job, &prepared, source, anchor, rules).await
    }

    async fn whole(
        &self,
        job: &Job,
        prepared: &Prepared,
        source: Option<SourceObject>,
        anchor: &Anchor,
        rules: Vec<RuleExplanation>,
    ) -> Result<Explanation> {
        let status = self.services.store.status(&job.id).await?;
        let kind = source.as_ref().map(|source| source.object.kind.clone());
        let kind = kind.or_else(|| rules.first().map(|rule| rule.record.source.kind.clone()));
        let entitlement = match (&source, &kind) {
            (Some(_), Some(kind)) => prepared.source.entitled_by(kind, anchor).await?,
            _ => Vec::new(),
        };
        let settings = JobSettings::parse(&job.settings)?;
        let interval = settings.interval.unwrap_or(job.schedule.interval);
        let began = self.live(job).began().max(status.last_began);
        let next = match &status.quarantine {
            Some(quarantine) => quarantine.next_attempt,
            None => began.map_or(self.services.clock.now(), |began| after(began, interval)),
        };
        let mut explanation = Explanation {
            anchor: anchor.clone(),
            kind,
            source,
            entitlement,
            schedule: job.schedule.state,
            quarantine: status.quarantine,
            next_cycle: (job.schedule.state == ScheduleState::Active).then_some(next),
            rules,
            words: Vec::new(),
        };
        explanation.words = explanation.in_words();
        Ok(explanation)
    }
}

/// The object as the source has it, of whatever type.
async fn find(prepared: &Prepared, anchor: &Anchor) -> Result<Option<SourceObject>> {
    for selection in &prepared.selections {
        if let Some(found) = prepared.source.read(selection, anchor).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

struct Explaining<'e, 'p> {
    cycle: &'e Cycle<'p>,
    prepared: &'e Prepared,
    anchor: &'e Anchor,
}

impl Explaining<'_, '_> {
    /// The references of an object that failed, as far as one looks at them.
    async fn failing(&self, item: &Item<'_>) -> Result<Vec<FailingEdge>> {
        let (store, job) = (&self.cycle.services.store, &self.prepared.job.id);
        Ok(store.failing_edges_of(job, &item.mapping.rule, self.anchor, MOST_REFERENCES).await?)
    }

    async fn rules(&self, mut items: Vec<Item<'_>>, unowned: Vec<Name>) -> Result<Vec<RuleExplanation>> {
        let (store, job) = (&self.cycle.services.store, &self.prepared.job.id);
        let schema = store.schema(job).await?.schema;
        for item in &mut items {
            item.live = true;
        }
        let (decided, Results { commit, halt, .. }) = self.cycle.consider(&mut items, Mode::LOOK).await?;
        let told = |position: usize, item: &Item<'_>| {
            let decision = decided.iter().find(|(of, _)| *of == position).map(|(_, decision)| decision);
            let failed =
                || commit.log.iter().find(|one| one.target.kind == item.mapping.target_kind).cloned();
            decision.map(|decision| self.cycle.planned(item, decision)).or_else(failed)
        };
        let staged = store.staged_of(job, std::slice::from_ref(self.anchor)).await?;
        let mut rules = Vec::new();
        for (position, item) in items.iter().enumerate() {
            let id = &item.mapping.rule;
            let record = told(position, item).unwrap_or_else(|| self.unanswered(item, halt.clone()));
            rules.push(RuleExplanation {
                rule: id.clone(),
                mapping: Some(item.mapping.key.clone()),
                values: self.values(item, &schema, &record),
                record,
                link: item.entry.as_ref().and_then(|entry| entry.link.clone()),
                escrow: item.escrow.clone().filter(|escrow| escrow.wait != Wait::Change),
                references: self.failing(item).await?,
                staged: staged.iter().find(|row| row.rule == *id).cloned(),
            });
        }
        rules.extend(unowned.into_iter().map(|rule| self.unowned(rule)));
        Ok(rules)
    }

    /// The target could not be asked.
    fn unanswered(&self, item: &Item<'_>, halt: Option<Halt>) -> ProvisioningRecord {
        let failure = halt.and_then(Halt::into_failure);
        let step =
            failure.map(|failure| TraceStep::ExportFailed(model::provisioning::Action::Other, failure));
        self.cycle.undecided(&item.mapping.source_kind, self.anchor, step.into_iter().collect())
    }

    /// No mapping of a rule takes the object.
    fn unowned(&self, rule: Name) -> RuleExplanation {
        let step = TraceStep::Skip(model::provisioning::SkipReason::Filtered);
        RuleExplanation {
            rule,
            mapping: None,
            record: self.cycle.undecided(&Name::default(), self.anchor, vec![step]),
            link: None,
            escrow: None,
            references: Vec::new(),
            staged: None,
            values: Vec::new(),
        }
    }

    fn values(&self, item: &Item<'_>, schema: &Schema, record: &ProvisioningRecord) -> Vec<ExplainedValue> {
        let Some(source) = &item.source else { return Vec::new() };
        let services = self.cycle.services;
        let mut context = self.cycle.prepared.context(services.clock.now(), services);
        let inactive = record.action == model::provisioning::Action::Disable;
        let present = account(item);
        let previews = sync::preview(item.mapping, source, inactive, &mut context);
        let value = |preview: Preview| {
            let shown = present.map(|object| object.get(&preview.attribute).clone());
            let hidden = |value: Value| {
                if preview.redacted && !value.is_null() {
                    model::provisioning::REDACTED.into()
                } else {
                    value
                }
            };
            let sent = record.modified.iter().find(|one| one.name == preview.attribute);
            ExplainedValue {
                expression: expression(schema, item, &preview.attribute),
                present: shown.map(hidden),
                sent: sent.map(|one| one.new.clone()),
                preview,
            }
        };
        previews.into_iter().map(value).collect()
    }
}

/// The account as the target showed it to the decision.
fn account<'i>(item: &'i Item<'_>) -> Option<&'i Object> {
    item.answers.iter().rev().find_map(|answer| match answer {
        (Need::Read(_), Answer::Object(found)) => found.as_ref(),
        (Need::Find { .. }, Answer::Objects(found)) => match found.as_slice() {
            [one] => Some(one),
            _ => None,
        },
        _ => None,
    })
}

/// The expression that a mapping has for a target attribute.
fn expression(schema: &Schema, item: &Item<'_>, attribute: &Name) -> Option<String> {
    let rule = schema.synchronization_rules.iter().find(|rule| rule.id == *item.mapping.rule)?;
    let mappings = rule.object_mappings.iter().filter(|mapping| {
        mapping.enabled
            && mapping.source_object_name == *item.mapping.source_kind
            && mapping.target_object_name == *item.mapping.target_kind
    });
    let mut attributes = mappings.flat_map(|mapping| &mapping.attribute_mappings);
    let found = attributes.find(|one| one.target_attribute_name == *attribute)?;
    found.source.as_ref()?.expression.clone()
}

impl Explanation {
    fn in_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        match &self.source {
            None => words.push(format!("The source does not have an object '{}'.", self.anchor)),
            Some(source) => {
                let name = source.display_name.as_deref().unwrap_or("without a name");
                words.push(format!("The source shows {} '{}' ({name}).", source.object.kind, self.anchor));
                words.extend(self.entitlement.iter().map(entitled));
            }
        }
        for rule in &self.rules {
            rule.in_words(&mut words);
        }
        match (&self.quarantine, self.next_cycle) {
            (Some(quarantine), _) => words.push(format!(
                "The job is in quarantine ({}); its next attempt is at {}.",
                quarantine.reason.wire(),
                quarantine.next_attempt
            )),
            (None, Some(next)) => words.push(format!("The job's next cycle is due at {next}.")),
            (None, None) => words.push("The job does not run: start it, or provision on demand.".into()),
        }
        words
    }
}

fn entitled(path: &Entitlement) -> String {
    match path {
        Entitlement::Everybody => "Everybody is entitled: the job takes all objects.".into(),
        Entitlement::Assigned => "Entitled: assigned to the application directly.".into(),
        Entitlement::Group { anchor, name, nested } => {
            let how = if *nested { "a member of a group in" } else { "a member of" };
            let name = name.as_deref().unwrap_or("a group without a name");
            format!("Entitled: {how} the assigned group {name} ({anchor}).")
        }
    }
}

impl RuleExplanation {
    fn in_words(&self, words: &mut Vec<String>) {
        let Some(mapping) = &self.mapping else {
            words.push(format!("No mapping of rule '{}' takes it.", self.rule));
            return;
        };
        words.push(format!("Rule '{}' takes it by the mapping '{mapping}'.", self.rule));
        if let Some(link) = &self.link {
            let origin = match link.origin {
                Origin::Created => "which this job made",
                Origin::Matched => "which was there and matched",
            };
            let state = match (link.state, link.disabled) {
                (LinkState::Released, _) => "; it was disabled and released when access ended",
                (LinkState::Active, true) => "; it is disabled",
                (LinkState::Active, false) => "",
            };
            words.push(format!("Its account is {}, {origin}{state}.", link.anchor));
        }
        words.extend(self.record.steps.iter().map(TraceStep::describe));
        if let Some(failure) = &self.record.failure {
            words.push(failure.code.advice().to_owned());
        }
        words.extend(self.escrow.as_ref().map(waiting));
        words.extend(self.references.iter().map(failing));
        if let Some(staged) = &self.staged {
            let held = if staged.held { "for a person's consent" } else { "for the end of the cycle" };
            words.push(format!("A change of the account waits {held} since {}.", staged.moment));
        }
    }
}

fn waiting(escrow: &Escrow) -> String {
    let Escrow { failure, attempts, first, next, .. } = escrow;
    if escrow.wait != Wait::GivenUp {
        return format!(
            "It waits since {first} after {attempts} tries ({failure}); the next attempt is at {next}."
        );
    }
    format!(
        "It was given up at {next}: it failed {attempts} times since {first} ({failure}). It is tried again when it \
         changes at the source, in a cycle that reads everything (after a change of the schema, or a restart with the \
         scope Watermark), when somebody lets failures be tried again, or when it is provisioned on demand."
    )
}

fn failing(edge: &FailingEdge) -> String {
    let FailingEdge { attribute, referenced, attempts, first, .. } = edge;
    let what = if edge.wanted { "The reference" } else { "Removing the reference" };
    let then = match edge.next {
        Some(next) => format!("the next attempt is at {next}"),
        None => "it was given up, until it changes or somebody lets failures be tried again".to_owned(),
    };
    format!("{what} {attribute} to '{referenced}' failed {attempts} times since {first}; {then}.")
}
