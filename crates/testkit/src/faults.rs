//! Connectors that misbehave by script, and connectors that remember what they were asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connector::{ConnectorError, ErrorClass, Result};
use tokio::sync::Semaphore;

use crate::clock::mixed;
use crate::held;
use crate::simulation::Simulation;

/// What a connector is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `Target::check`
    Check,
    /// `Target::discover`
    Discover,
    /// `Target::find`
    Find,
    /// `Target::read`
    Read,
    /// `Target::create`
    Create,
    /// `Target::update`
    Update,
    /// `Target::update_references`
    UpdateReferences,
    /// `Target::delete`
    Delete,
    /// `Target::list`
    List,
    /// `Source::changes`
    Changes,
    /// `Source::read`
    SourceRead,
    /// `Source::references`
    References,
}

impl Method {
    /// The target's methods that write.
    pub const WRITES: [Self; 4] = [Self::Create, Self::Update, Self::UpdateReferences, Self::Delete];
    /// All of the target's methods.
    pub const TARGET: [Self; 9] = [
        Self::Check,
        Self::Discover,
        Self::Find,
        Self::Read,
        Self::Create,
        Self::Update,
        Self::UpdateReferences,
        Self::Delete,
        Self::List,
    ];

    /// Its name in the traits.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Discover => "discover",
            Self::Find => "find",
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::UpdateReferences => "update_references",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Changes => "changes",
            Self::SourceRead => "source read",
            Self::References => "references",
        }
    }
}

/// How one call goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing happens, and the call fails so.
    Refuse(ErrorClass),
    /// Nothing happens, and the call fails with this error.
    Fail(ConnectorError),
    /// What was asked happens, and the call fails so all the same.
    LoseAnswer(ErrorClass),
    /// The call waits, then goes on as it would.
    Slow(Duration),
    /// The call waits until the gate is opened, then goes on as it would.
    Hold(Gate),
}

impl Fault {
    /// The answer to a write is lost after it took effect, as when a connection breaks.
    #[must_use]
    pub fn lost_answer() -> Self {
        Self::LoseAnswer(ErrorClass::Retry { after: None })
    }

    /// The other side throttles and asks to wait (`Retry-After`), or does not say how long.
    #[must_use]
    pub fn throttle(after: Option<Duration>) -> Self {
        Self::Refuse(ErrorClass::Throttled { after })
    }
}

/// Holds calls back until a test lets them through, so that a test need not guess when something is in flight.
#[derive(Clone, Debug)]
pub struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }

    /// Waits until one call more has arrived at the gate.
    pub async fn arrival(&self) {
        if let Ok(permit) = self.arrived.acquire().await {
            permit.forget();
        }
    }

    /// Lets one call through, waiting or yet to come.
    pub fn let_one_through(&self) {
        self.open.add_permits(1);
    }

    /// Lets every call through, for good.
    pub fn open(&self) {
        self.open.close();
    }

    async fn pass(&self) {
        self.arrived.add_permits(1);
        if let Ok(permit) = self.open.acquire().await {
            permit.forget();
        }
    }
}

/// When a rule applies.
#[derive(Clone, Debug)]
enum When {
    /// To the call of this number alone, counted from one since the rule was made.
    Nth(u64),
    /// To every call whose number is a multiple.
    Every(u64),
    /// To every call.
    Always,
    /// To so many calls of a thousand, drawn by the seed and the call's number.
    Sometimes { per_mille: u64, seed: u64 },
}

/// One line of a script.
#[derive(Clone, Debug)]
struct Rule {
    methods: Vec<Method>,
    when: When,
    fault: Fault,
    /// Calls that the rule has looked at.
    calls: u64,
}

/// A script of faults, shared by the connectors that follow it. Rules are looked at in the order in which they were
/// made, and the first that applies decides a call. The same calls meet the same faults.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Arc<Mutex<Vec<Rule>>>,
    simulation: Option<Arc<Simulation>>,
}

impl Faults {
    /// A script without faults.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// A script without faults, whose calls are steps of a simulated process.
    #[must_use]
    pub fn within(simulation: Arc<Simulation>) -> Self {
        Self { simulation: Some(simulation), ..Self::default() }
    }

    /// The next call of a method goes wrong.
    pub fn next(&self, method: Method, fault: Fault) {
        self.nth(&[method], 1, fault);
    }

    /// The nth call from now on, counted from one over all these methods, goes wrong.
    pub fn nth(&self, methods: &[Method], number: u64, fault: Fault) {
        self.add(methods, When::Nth(number), fault);
    }

    /// Every nth call of these methods goes wrong.
    pub fn every(&self, methods: &[Method], number: u64, fault: Fault) {
        self.add(methods, When::Every(number.max(1)), fault);
    }

    /// Every call of these methods goes wrong.
    pub fn always(&self, methods: &[Method], fault: Fault) {
        self.add(methods, When::Always, fault);
    }

    /// So many calls of a thousand go wrong; which ones, the seed decides.
    pub fn sometimes(&self, methods: &[Method], per_mille: u64, seed: u64, fault: Fault) {
        self.add(methods, When::Sometimes { per_mille, seed }, fault);
    }

    /// From now on the target refuses the credentials, whatever it is asked.
    pub fn unauthorized_from_now_on(&self) {
        let refused = Rule {
            methods: Method::TARGET.to_vec(),
            when: When::Always,
            fault: Fault::Refuse(ErrorClass::Unauthorized),
            calls: 0,
        };
        held(&self.rules).insert(0, refused);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        held(&self.rules).clear();
    }

    fn add(&self, methods: &[Method], when: When, fault: Fault) {
        held(&self.rules).push(Rule { methods: methods.to_vec(), when, fault, calls: 0 });
    }

    fn drawn(&self, method: Method) -> Option<Fault> {
        let mut rules = held(&self.rules);
        let mut found = None;
        rules.retain_mut(|rule| {
            if found.is_some() || !rule.methods.contains(&method) {
                return true;
            }
            rule.calls += 1;
            let applies = match rule.when {
                When::Nth(number) => rule.calls == number,
                When::Every(number) => rule.calls.is_multiple_of(number),
                When::Always => true,
                When::Sometimes { per_mille, seed } => mixed(seed ^ mixed(rule.calls)) % 1000 < per_mille,
            };
            if applies {
                found = Some(rule.fault.clone());
            }
            !(applies && matches!(rule.when, When::Nth(_)))
        });
        found
    }

    /// Makes a call under the script. `call` is what would happen without faults.
    pub async fn around<T>(&self, method: Method, call: impl Future<Output = Result<T>>) -> Result<T> {
        match &self.simulation {
            None => self.scripted(method, call).await,
            Some(simulation) => simulation.call(method.name(), self.scripted(method, call)).await,
        }
    }

    async fn scripted<T>(&self, method: Method, call: impl Future<Output = Result<T>>) -> Result<T> {
        match self.drawn(method) {
            None => call.await,
            Some(Fault::Refuse(class)) => Err(scripted(class, method)),
            Some(Fault::Fail(error)) => Err(error),
            Some(Fault::LoseAnswer(class)) => {
                call.await?;
                Err(scripted(class, method))
            }
            Some(Fault::Slow(duration)) => {
                tokio::time::sleep(duration).await;
                call.await
            }
            Some(Fault::Hold(gate)) => {
                gate.pass().await;
                call.await
            }
        }
    }
}

fn scripted(class: ErrorClass, method: Method) -> ConnectorError {
    ConnectorError::new(class, format!("scripted fault in {method:?}"))
}

/// How often each method was called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls(BTreeMap<Method, u64>);

impl Calls {
    /// Calls of one method.
    #[must_use]
    pub fn of(&self, method: Method) -> u64 {
        self.0.get(&method).copied().unwrap_or(0)
    }

    /// Calls of methods that write.
    #[must_use]
    pub fn writes(&self) -> u64 {
        Method::WRITES.into_iter().map(|method| self.of(method)).sum()
    }

    /// All calls.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

impl FromIterator<(Method, u64)> for Calls {
    fn from_iter<I: IntoIterator<Item = (Method, u64)>>(counts: I) -> Self {
        Self(counts.into_iter().filter(|(_, count)| *count > 0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse() -> Fault {
        Fault::Refuse(ErrorClass::Conflict)
    }

    async fn failures(faults: &Faults, method: Method, calls: usize) -> Vec<usize> {
        let mut failed = Vec::new();
        for call in 1..=calls {
            if faults.around(method, async { Ok(()) }).await.is_err() {
                failed.push(call);
            }
        }
        failed
    }

    #[tokio::test]
    async fn the_nth_call_of_a_method_fails_once() {
        let faults = Faults::none();
        faults.nth(&[Method::Create], 3, refuse());
        assert!(failures(&faults, Method::Update, 5).await.is_empty());
        assert_eq!(failures(&faults, Method::Create, 9).await, [3]);
    }

    #[tokio::test]
    async fn every_tenth_call_fails_until_healed() {
        let faults = Faults::none();
        faults.every(&Method::WRITES, 10, refuse());
        assert_eq!(failures(&faults, Method::Delete, 25).await, [10, 20]);
        faults.heal();
        assert!(failures(&faults, Method::Delete, 25).await.is_empty());
    }

    #[tokio::test]
    async fn chance_is_decided_by_the_seed() {
        let drawn = async |seed| {
            let faults = Faults::none();
            faults.sometimes(&[Method::Find], 200, seed, refuse());
            failures(&faults, Method::Find, 500).await
        };
        let first = drawn(1).await;
        assert!((50..150).contains(&first.len()), "{} of 500", first.len());
        assert_eq!(first, drawn(1).await);
        assert_ne!(first, drawn(2).await);
    }

    #[tokio::test]
    async fn a_lost_answer_takes_effect_and_a_refusal_does_not() {
        let faults = Faults::none();
        faults.next(Method::Create, Fault::lost_answer());
        faults.next(Method::Create, refuse());
        let mut done = 0;
        for _ in 0..2 {
            let result = faults
                .around(Method::Create, async {
                    done += 1;
                    Ok(())
                })
                .await;
            assert!(result.is_err());
        }
        assert_eq!(done, 1);
    }

    #[tokio::test]
    async fn credentials_refused_come_before_all_else() {
        let faults = Faults::none();
        faults.always(&[Method::Check], Fault::throttle(Some(Duration::from_secs(3))));
        faults.unauthorized_from_now_on();
        let error = faults.around(Method::Check, async { Ok(()) }).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Unauthorized);
    }

    #[tokio::test]
    async fn a_gate_holds_a_call_until_it_is_opened() {
        let (faults, gate) = (Faults::none(), Gate::new());
        faults.always(&[Method::Update], Fault::Hold(gate.clone()));
        let call = tokio::spawn({
            let faults = faults.clone();
            async move { faults.around(Method::Update, async { Ok(1) }).await }
        });
        gate.arrival().await;
        assert!(!call.is_finished());
        gate.open();
        assert_eq!(call.await.unwrap(), Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_call_takes_its_time() {
        let faults = Faults::none();
        faults.next(Method::List, Fault::Slow(Duration::from_mins(1)));
        let begin = tokio::time::Instant::now();
        faults.around(Method::List, async { Ok(()) }).await.unwrap();
        assert!(begin.elapsed() >= Duration::from_mins(1));
    }
}
