//! One trial: a job that lives through events in a simulated process.

use std::sync::Arc;

use async_trait::async_trait;
use connector::TypeCapabilities;
use engine::{CycleEnd, Demand, ResetScope, Subject};
use model::failure::ErrorClass;
use model::job::ScheduleState;
use model::plan::PlanState;
use model::{Anchor, Clock, SignedDuration, Value};
use serde_json::{Value as Json, json};
use store_sqlite::{Access, SqliteStore, Steps, Work};
use testkit::{Fault, Faults, MemorySource, MemoryTarget, Method, SeededEntropy, Simulation};
use tokio::runtime::Runtime;

use super::Options;
use super::compare::differences;
use super::events::Event;
use super::model::{Edit, Model, PEOPLE, Person, TEAMS};
use crate::rig::{Rig, group, schema, user};

/// Cycles until everything must have arrived.
const PATIENCE: usize = 8;

pub(crate) struct Trial {
    options: Options,
    simulation: Arc<Simulation>,
    faults: Faults,
    source_faults: Faults,
    rig: Rig,
    model: Model,
    /// Of the process that lives; what it had begun goes with it.
    runtime: Runtime,
}

/// What a process was at when it died.
#[derive(Clone, Copy, Debug)]
enum Run {
    Cycle,
    Apply,
    OnDemand(usize),
}

/// The steps of a store. Writes of a kind keep their order, as they do in the queues of the threads.
struct StoreSteps {
    simulation: Arc<Simulation>,
    writes: tokio::sync::Mutex<()>,
    bulk_writes: tokio::sync::Mutex<()>,
}

#[async_trait]
impl Steps for StoreSteps {
    async fn take(&self, access: Access, work: Work<'_>) {
        let (name, turn) = match access {
            Access::Read => ("store read", None),
            Access::Write => ("store write", Some(self.writes.lock().await)),
            Access::BulkWrite => ("store bulk write", Some(self.bulk_writes.lock().await)),
        };
        let done = async {
            work();
            drop(turn);
        };
        self.simulation.call(name, done).await;
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

impl Trial {
    pub(crate) fn new(options: Options) -> Self {
        let simulation = Arc::new(Simulation::new(options.seed));
        let (faults, source_faults) =
            (Faults::within(simulation.clone()), Faults::within(simulation.clone()));
        let source = MemorySource::with_assignments().page_size(5).reference_page_size(3);
        let source = source.with_faults(source_faults.clone());
        source.entitle_everybody(options.everybody);
        let target = MemoryTarget::new().page_size(4).with_faults(faults.clone());
        let target = if options.unique { target.unique("account", "userName") } else { target };
        let target = target.with_type(TypeCapabilities {
            kind: "team".into(),
            soft_delete: options.teams_stay,
            list: !options.unlisted,
            reference_chunk: 3,
        });
        let store = SqliteStore::open_simulated(Arc::new(StoreSteps {
            simulation: simulation.clone(),
            writes: tokio::sync::Mutex::default(),
            bulk_writes: tokio::sync::Mutex::default(),
        }));
        let store = Arc::new(store.unwrap());
        let runtime = runtime();
        let entropy = SeededEntropy::new(options.seed ^ 0x5eed);
        let rig = runtime.block_on(async {
            let mut rig = Rig::on(store, source, target, schema_of(&options), entropy).await;
            // Removals are not what is tried here, and half of a small organization is soon over the limits.
            rig.set_settings(&[
                ("MaxDisables", "1000"),
                ("MaxDeletes", "1000"),
                ("EscrowRetryIntervals", "PT1M"),
                ("ConcurrentExports", &options.concurrency.to_string()),
                ("TargetVerification", if options.trust { "Trust" } else { "ReadBeforeUpdate" }),
                ("DriftPolicy", if options.repairs { "Repair" } else { "Report" }),
                ("ApplyMode", if options.reviewed { "AfterReview" } else { "Automatic" }),
            ])
            .await;
            set_secrets(&rig, &options, options.everybody).await;
            rig
        });
        let model = Model::new(&options);
        Self { options, simulation, faults, source_faults, rig, model, runtime }
    }

    /// A number that stands for everything that was done, in its order.
    pub(crate) fn print(&self) -> u64 {
        self.simulation.print()
    }

    pub(crate) fn recent(&self) -> Vec<String> {
        self.simulation.recent()
    }

    pub(crate) fn happen(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Edit(edit) => self.edit(edit),
            Event::ForgetHistory => self.rig.source.forget_history(),
            Event::Faults(seed) => self.script(seed),
            Event::Heal => self.heal(),
            Event::Wait { minutes } => {
                self.rig.clock.advance(SignedDuration::from_mins(minutes.into()));
            }
            Event::Cycle => drop(self.runtime.block_on(self.cycle())),
            Event::Look => self.runtime.block_on(self.look()),
            Event::Apply => drop(self.runtime.block_on(self.apply())),
            Event::OnDemand(number) => self.runtime.block_on(self.on_demand(number)),
            Event::Crash(steps) => self.crash(steps, Run::Cycle),
            Event::CrashApply(steps) => self.crash(steps, Run::Apply),
            Event::CrashOnDemand(number, steps) => self.crash(steps, Run::OnDemand(number)),
            Event::Pause(steps) => self.pause(steps),
            Event::Restart { escrows, quarantine } => self.restart(ResetScope {
                watermark: true,
                escrows,
                quarantine,
                links: false,
                force_deletes: false,
            }),
            Event::Reset(steps) => {
                self.quiet()?;
                self.model.forget_links();
                self.restart(ResetScope { links: true, ..ResetScope::default() });
                self.crash(steps, Run::Cycle);
                self.quiet()?;
            }
            Event::Quiet => self.quiet()?,
        }
        Ok(())
    }

    fn edit(&mut self, edit: Edit) {
        let edit = self.model.aimed(edit);
        let Some(after) = self.model.after(edit) else { return };
        self.meddle(edit);
        let before = std::mem::replace(&mut self.model, after);
        for number in 0..PEOPLE {
            self.bring_person(&before, number);
        }
        for number in 0..TEAMS {
            self.bring_team(&before, number);
            let excluded = self.model.teams[number].excluded;
            if excluded != before.teams[number].excluded {
                self.exclude(number, excluded);
            }
        }
        let Model { everybody, upper, sales_only, .. } = self.model;
        if before.everybody != everybody {
            self.rig.source.entitle_everybody(everybody);
            self.runtime.block_on(set_secrets(&self.rig, &self.options, everybody));
        }
        if (before.upper, before.sales_only) != (upper, sales_only) {
            self.runtime.block_on(self.rig.change_schema(|schema| {
                let users = &mut schema["synchronizationRules"][0]["objectMappings"][0];
                let name = if upper { "ToUpper([displayName])" } else { "[displayName]" };
                users["attributeMappings"][1]["source"]["expression"] = json!(name);
                let clause = json!({"sourceOperandName": "department", "operatorName": "EQUALS",
                    "targetOperand": {"values": ["Sales"]}});
                let groups = if sales_only { vec![json!({"clauses": [clause]})] } else { vec![] };
                users["scope"]["groups"] = groups.into();
            }));
        }
    }

    /// What others do to accounts and teams.
    fn meddle(&self, edit: Edit) {
        let (Edit::Lose(number) | Edit::Vanish(number) | Edit::Tamper(number) | Edit::Dismiss(_, number)) =
            edit
        else {
            return;
        };
        let (key, target) = (Value::from(format!("u{number}")), &self.rig.target);
        for account in target.objects("account").iter().filter(|account| *account.get("key") == key) {
            match edit {
                Edit::Tamper(_) => drop(target.alter(&account.anchor, "name", "tampered".into())),
                Edit::Dismiss(team, _) => {
                    let gone = std::slice::from_ref(&account.anchor);
                    if let Some(team) = target.object_by("team", "name", &format!("g{team}")) {
                        target.alter_references(&team.anchor, "members", &[], gone);
                    }
                }
                _ => drop(target.take_away(&account.anchor)),
            }
        }
    }

    /// A team is taken out of the job, or back in.
    fn exclude(&self, number: usize, excluded: bool) {
        let (rig, anchor) = (&self.rig, Anchor::new(format!("g{number}")));
        self.runtime.block_on(async {
            if excluded {
                rig.engine.exclude(&rig.job, anchor, "a trial".into(), "nobody".into()).await.unwrap();
            } else {
                assert!(rig.engine.readmit(&rig.job, &anchor).await.unwrap());
            }
        });
    }

    /// Makes the source show a person as the model has it.
    fn bring_person(&self, before: &Model, number: usize) {
        let (was, is) = (&before.people[number], &self.model.people[number]);
        let (source, anchor) = (&self.rig.source, format!("u{number}"));
        if !is.exists {
            if was.exists {
                source.delete(&anchor);
            }
            return;
        }
        let shown =
            |one: &Person| (one.login.clone(), one.name.clone(), one.manager, one.filtered, one.exists);
        if shown(was) != shown(is) {
            let object = user(u32::try_from(number).unwrap())
                .with("key", anchor.as_str())
                .with("login", is.login.as_str())
                .with("displayName", is.name.as_str())
                .with("department", if is.sales { "Sales" } else { "IT" })
                .with("aside", is.filtered);
            source.upsert(match is.manager {
                Some(manager) => object.with("manager", Value::Reference(Anchor::new(format!("u{manager}")))),
                None => object,
            });
        }
        if was.enabled != is.enabled || !was.exists {
            if is.enabled {
                source.enable(&anchor)
            } else {
                source.disable(&anchor)
            };
        }
        if was.binned != is.binned {
            if is.binned {
                source.soft_delete(&anchor)
            } else {
                source.restore(&anchor)
            };
        }
        if was.assigned != is.assigned {
            if is.assigned {
                source.assign(&anchor);
            } else {
                source.unassign(&anchor);
            }
        }
    }

    fn bring_team(&self, before: &Model, number: usize) {
        let (was, is) = (&before.teams[number], &self.model.teams[number]);
        let (source, anchor) = (&self.rig.source, format!("g{number}"));
        if !is.exists {
            if was.exists {
                source.delete(&anchor);
            }
            return;
        }
        if !was.exists {
            source.upsert(group(&anchor).with("aside", is.filtered));
        } else if was.filtered != is.filtered {
            source.set(&anchor, "aside", is.filtered);
        }
        if was.binned != is.binned {
            if is.binned {
                source.soft_delete(&anchor)
            } else {
                source.restore(&anchor)
            };
        }
        if was.assigned != is.assigned {
            if is.assigned {
                source.assign(&anchor);
            } else {
                source.unassign(&anchor);
            }
        }
        for member in is.members.difference(&was.members) {
            source.add_member(&anchor, &format!("u{member}"));
        }
        // Who was purged is no member any more by that alone.
        for member in was.members.difference(&is.members).filter(|member| self.model.people[**member].exists)
        {
            source.remove_member(&anchor, &format!("u{member}"));
        }
    }

    /// Scripts faults of every class, so many calls of a thousand each.
    fn script(&self, seed: u64) {
        self.heal();
        let dice = SeededEntropy::new(seed);
        let retry = || ErrorClass::Retry { after: None };
        let after = || Some(std::time::Duration::from_secs(dice.below(20)));
        let writes = [Method::Create, Method::Update, Method::UpdateReferences, Method::Delete];
        let reads = [Method::Find, Method::Read, Method::List];
        let changes = [Method::Create, Method::Update, Method::UpdateReferences];
        let scripts: [(&Faults, &[Method], Fault); 16] = [
            (&self.faults, &writes, Fault::lost_answer()),
            (&self.faults, &writes, Fault::LoseAnswer(ErrorClass::Unavailable)),
            (&self.faults, &writes, Fault::Refuse(retry())),
            (&self.faults, &writes, Fault::Refuse(ErrorClass::Retry { after: after() })),
            (&self.faults, &writes, Fault::throttle(None)),
            (&self.faults, &Method::TARGET, Fault::throttle(after())),
            (&self.faults, &changes, Fault::Refuse(ErrorClass::Conflict)),
            // Of an account that is there a target may not say that it is not; of its references it may.
            (&self.faults, &[Method::UpdateReferences], Fault::Refuse(ErrorClass::NotFound)),
            (&self.faults, &writes, Fault::Refuse(ErrorClass::Invalid { attribute: Some("name".into()) })),
            (&self.faults, &Method::TARGET, Fault::Refuse(ErrorClass::Unauthorized)),
            (&self.faults, &Method::TARGET, Fault::Refuse(ErrorClass::Unavailable)),
            (&self.faults, &Method::TARGET, Fault::Refuse(ErrorClass::Permanent)),
            (&self.faults, &reads, Fault::Refuse(retry())),
            (&self.source_faults, &[Method::Changes], Fault::Refuse(ErrorClass::CursorRefused)),
            (&self.source_faults, &[Method::Changes, Method::SourceRead], Fault::Refuse(retry())),
            (&self.source_faults, &[Method::References], Fault::Refuse(ErrorClass::Unavailable)),
        ];
        for (faults, methods, fault) in scripts {
            // A few kinds of trouble at a time, so that something still gets through.
            if dice.below(4) == 0 {
                faults.sometimes(methods, 10 + dice.below(120), dice.below(u64::MAX), fault);
            }
        }
    }

    fn heal(&self) {
        self.faults.heal();
        self.source_faults.heal();
    }

    /// Whatever comes of it: a target in trouble may refuse.
    async fn on_demand(&self, number: usize) {
        let subject = |anchor: String, kind: &str| Subject { anchor: Anchor::new(anchor), kind: kind.into() };
        let (subject, linked) = match self.model.teams.get(number) {
            Some(team) => {
                let members = team.members.iter().take(2).map(|member| subject(format!("u{member}"), "User"));
                (subject(format!("g{number}"), "Group"), members.collect())
            }
            None => (subject(format!("u{}", number - TEAMS), "User"), Vec::new()),
        };
        let demand = Demand { rule: "rule".into(), subject, linked };
        drop(self.rig.engine.provision_on_demand(&self.rig.job, demand).await);
    }

    /// A cycle, with what its plan waits for where it makes one.
    async fn cycle(&self) -> CycleEnd {
        let end = self.rig.cycle().await;
        if self.options.reviewed
            && end == CycleEnd::Completed
            && self.apply().await == Some(PlanState::Failed)
        {
            return CycleEnd::Stopped;
        }
        end
    }

    /// A plan, whatever comes of it.
    async fn look(&self) {
        let rig = &self.rig;
        if self.options.reviewed {
            drop(rig.cycle().await);
        } else if rig.engine.plan(&rig.job, "me", None).await.is_ok() {
            rig.engine.settle_plans(&rig.job).await;
        }
    }

    /// What became of the newest plan that waits, where one does.
    async fn apply(&self) -> Option<PlanState> {
        let rig = &self.rig;
        let plans = rig.store.plans(&rig.job.id).await.unwrap();
        let plan = plans.into_iter().find(|plan| plan.state == PlanState::Ready)?;
        rig.engine.apply_plan(&rig.job, plan.id).await.ok()?;
        rig.engine.settle_plans(&rig.job).await;
        Some(rig.store.plan(&rig.job.id, plan.id).await.unwrap()?.state)
    }

    /// A process dies, whatever it was at.
    fn crash(&mut self, steps: u64, run: Run) {
        self.simulation.live(Some(steps));
        self.runtime.block_on(async {
            let run = async {
                match run {
                    Run::Cycle => drop(self.cycle().await),
                    Run::Apply => drop(self.apply().await),
                    Run::OnDemand(number) => self.on_demand(number).await,
                }
            };
            tokio::select! {
                biased;
                () = self.simulation.death() => {}
                () = run => {}
            }
        });
        self.runtime = runtime();
        self.simulation.live(None);
        self.runtime.block_on(self.rig.restart_process());
    }

    fn pause(&mut self, steps: u64) {
        let Self { rig, simulation, runtime, .. } = self;
        runtime.block_on(async {
            let paused = async {
                tokio::select! {
                    biased;
                    () = simulation.steps(steps) => {}
                    () = tokio::time::sleep(std::time::Duration::from_mins(10)) => {}
                }
                rig.engine.pause_job(rig.job.clone()).await.unwrap();
            };
            let _ = tokio::join!(rig.cycle(), paused);
            let mut job = rig.job.clone();
            job.schedule.state = ScheduleState::Active;
            rig.store.update_job(job).await.unwrap();
        });
    }

    fn restart(&mut self, scope: ResetScope) {
        self.runtime.block_on(self.rig.restart(scope));
    }

    fn quiet(&mut self) -> Result<(), String> {
        self.heal();
        if self.options.repairs {
            // From the end of the first cycle on there are scans for drift: one is due in what follows, and no other.
            drop(self.runtime.block_on(self.cycle()));
            self.rig.clock.advance(SignedDuration::from_hours(24));
        }
        let mut idle = false;
        for number in 0..PATIENCE {
            self.rig.target.forget_calls();
            let end = self.runtime.block_on(self.cycle());
            if end != CycleEnd::Completed {
                return Err(format!("a cycle without faults ended so: {end:?}"));
            }
            self.rig.clock.advance(SignedDuration::from_hours(1));
            // In the first cycle what failed before is not due yet.
            idle = number > 0 && self.rig.target.calls().total() == 0;
            if idle {
                break;
            }
        }
        let compared = differences(&self.model, &self.rig.target, &self.options);
        let (people, teams) = compared.map_err(|wrong| self.runtime.block_on(self.told(wrong)))?;
        if !idle {
            return Err(format!("{PATIENCE} cycles were not enough to come to rest"));
        }
        self.runtime.block_on(self.nothing_waits())?;
        self.model.arrived(&people, &teams);
        Ok(())
    }

    /// What is wrong, each with the story of whom it is about.
    async fn told(&self, wrong: Vec<String>) -> String {
        let mut words = Vec::new();
        for one in wrong {
            let anchor = one.split(' ').next().unwrap_or_default();
            words.push(format!("{one} [{}]", self.rig.story(anchor).await.join(", ")));
        }
        words.join("; ")
    }

    /// At rest the connector data store holds nothing that is to be done.
    async fn nothing_waits(&self) -> Result<(), String> {
        let (store, job) = (&self.rig.store, &self.rig.job.id);
        let mut escrows = store.escrows(job, None, 10).await.unwrap();
        // What is to follow a new team is kept while the team is not active: nothing is to be done about it.
        escrows.retain(|escrow| escrow.wait != store::Wait::Change);
        let intents = store.open_intents(job).await.unwrap();
        let staged = store.staged(job, None, 10).await.unwrap();
        let due = store.due_edges(job, self.rig.clock.now(), 10).await.unwrap();
        if escrows.is_empty() && intents.is_empty() && staged.is_empty() && due.is_empty() {
            return Ok(());
        }
        let mut stories = Vec::new();
        for source in escrows.iter().map(|one| &one.source).chain(intents.iter().map(|one| &one.source)) {
            let story = self.rig.story(source.as_str()).await;
            stories.push(format!("{source}: {}", story.join(", ")));
        }
        Err(format!("at rest there wait {escrows:?} {intents:?} {staged:?} {due:?} {stories:?}"))
    }
}

async fn set_secrets(rig: &Rig, options: &Options, everybody: bool) {
    let text = |flag| if flag { "True" } else { "False" };
    let kept = text(options.keeps_out_of_scope);
    rig.set_secrets(&[("SyncAll", text(everybody)), ("SkipOutOfScopeDeletions", kept)]).await;
}

/// The schema of the other tests, with the source's anchor shown at the account, so that its owner can be told, and an
/// attribute by which the input filter passes objects by.
fn schema_of(options: &Options) -> Json {
    let mut schema = schema();
    let key = json!({"name": "key", "caseExact": true});
    let aside = json!({"name": "aside", "type": "Boolean"});
    for (directory, kind, attribute) in [(0, 0, &key), (1, 0, &key), (0, 0, &aside), (0, 1, &aside)] {
        let attributes = &mut schema["directories"][directory]["objects"][kind]["attributes"];
        attributes.as_array_mut().unwrap().push(attribute.clone());
    }
    let mappings = &mut schema["synchronizationRules"][0]["objectMappings"];
    let not_aside = json!({"sourceOperandName": "aside", "operatorName": "IS FALSE"});
    for kind in 0..2 {
        mappings[kind]["scope"] = json!({"inputFilterGroups": [{"clauses": [not_aside]}]});
    }
    if options.members_once {
        mappings[1]["attributeMappings"][1]["flowType"] = "ObjectAddOnly".into();
    }
    mappings[0]["attributeMappings"].as_array_mut().unwrap().push(json!({
        "targetAttributeName": "key", "matchingPriority": 0,
        "source": {"expression": "[key]", "type": "Attribute", "name": "key", "parameters": []}
    }));
    schema
}
