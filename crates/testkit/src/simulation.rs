//! A process whose every call to the outside is a step: a seed decides in which order the calls take effect, and the
//! process can be made to die at any of them.
//!
//! Together with a runtime of one thread whose time is paused, the same seed always gives the same steps.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{SeededEntropy, mixed};
use crate::held;

/// Steps that are remembered in words.
const REMEMBERED: usize = 200;
/// A call takes up to this many milliseconds to arrive, and its answer as many.
const LONGEST_WAY: u64 = 6;

/// The calls of a simulated process. Every call has two steps: it takes effect, and its answer arrives.
#[derive(Debug)]
pub struct Simulation {
    dice: SeededEntropy,
    state: Mutex<State>,
    stepped: Notify,
}

#[derive(Debug, Default)]
struct State {
    steps: u64,
    dies_at: Option<u64>,
    dead: bool,
    print: u64,
    recent: VecDeque<String>,
}

impl Simulation {
    /// A process that lives. The seed decides how long calls take.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { dice: SeededEntropy::new(seed), state: Mutex::default(), stepped: Notify::new() }
    }

    /// Makes a call. Where the process dies first, it does not take effect, or its answer never arrives.
    pub async fn call<T>(&self, what: &str, call: impl Future<Output = T>) -> T {
        self.step(what).await;
        let answer = call.await;
        self.step(what).await;
        answer
    }

    /// Begins a new life, which ends after so many steps more, or never.
    pub fn live(&self, steps: Option<u64>) {
        let mut state = held(&self.state);
        state.dead = false;
        state.dies_at = steps.map(|steps| state.steps + steps.max(1));
    }

    /// Waits until the process is dead.
    pub async fn death(&self) {
        self.until(|state| state.dead).await;
    }

    /// Waits for so many steps more.
    pub async fn steps(&self, steps: u64) {
        let goal = held(&self.state).steps + steps;
        self.until(|state| state.steps >= goal).await;
    }

    /// A number that stands for all steps so far, in their order.
    #[must_use]
    pub fn print(&self) -> u64 {
        held(&self.state).print
    }

    /// The latest steps in words, oldest first.
    #[must_use]
    pub fn recent(&self) -> Vec<String> {
        held(&self.state).recent.iter().cloned().collect()
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let stepped = self.stepped.notified();
            if holds(&held(&self.state)) {
                return;
            }
            stepped.await;
        }
    }

    async fn step(&self, what: &str) {
        // Half of the calls take no time worth mentioning.
        if let Some(way) = self.dice.below(LONGEST_WAY * 2).checked_sub(LONGEST_WAY) {
            tokio::time::sleep(Duration::from_millis(way)).await;
        }
        if !self.taken(what) {
            pending::<()>().await;
        }
    }

    /// Takes a step; false where the process is dead.
    fn taken(&self, what: &str) -> bool {
        let mut state = held(&self.state);
        if state.dead {
            return false;
        }
        state.steps += 1;
        state.dead = state.dies_at == Some(state.steps);
        let text = what.bytes().fold(state.steps, |sum, octet| mixed(sum ^ u64::from(octet)));
        state.print = mixed(state.print ^ text);
        if state.recent.len() == REMEMBERED {
            state.recent.pop_front();
        }
        let words = format!("{} {what}", state.steps);
        state.recent.push_back(words);
        self.stepped.notify_waiters();
        !state.dead
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_process_dies_before_a_call_or_before_its_answer() {
        for (steps, made) in [(1, 0), (2, 1), (3, 1), (4, 2)] {
            let (simulation, count) = (Simulation::new(steps), AtomicU32::new(0));
            simulation.live(Some(steps));
            let calls = async {
                for _ in 0..9 {
                    simulation.call("one", async { count.fetch_add(1, Ordering::Relaxed) }).await;
                }
                panic!("the process lives on");
            };
            tokio::select! {
                () = calls => {}
                () = simulation.death() => {}
            }
            assert_eq!(count.load(Ordering::Relaxed), made);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_seed_decides_the_order() {
        let order = async |seed| {
            let (simulation, order) = (&Simulation::new(seed), &Mutex::new(Vec::new()));
            let calls = (0..20).map(async |number| {
                simulation.call("one", async { held(order).push(number) }).await;
            });
            futures::future::join_all(calls).await;
            let order = held(order).clone();
            (order, simulation.print())
        };
        assert_eq!(order(1).await, order(1).await);
        assert_ne!(order(1).await.0, order(2).await.0);
    }
}
