//! What is in hand: source objects that somebody in this process works on, and the matching values that are about to be
//! theirs. A cycle and an on-demand run of one job share a desk, so that they never work on one object at once; whoever
//! computes a plan or an explanation has a desk to itself and is in nobody's way.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Anchor, Name};
use tokio::sync::Notify;

/// A matching value of a target type: type, attribute, folded value.
type Value = (Name, Name, String);

/// What is in hand.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    state: Mutex<State>,
    freed: Notify,
    parties: AtomicU64,
    written: AtomicBool,
    generation: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Whose it is, and how many of that party's holds have it.
    objects: HashMap<Anchor, (u64, u32)>,
    values: HashMap<Value, (u64, Anchor)>,
}

impl Desk {
    /// A number for somebody who takes things in hand. What one party has in hand does not hold it up itself.
    pub(crate) fn party(&self) -> u64 {
        self.parties.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes those objects in hand that are free, and tells which are not.
    pub(crate) fn take_free(
        self: &Arc<Self>,
        party: u64,
        anchors: &[Anchor],
    ) -> (Arc<Hold>, HashSet<Anchor>) {
        let mut state = self.state();
        let (mut taken, mut held) = (Vec::with_capacity(anchors.len()), HashSet::new());
        for anchor in anchors {
            if state.take(party, anchor) {
                taken.push(anchor.clone());
            } else {
                held.insert(anchor.clone());
            }
        }
        (self.hold(party, taken), held)
    }

    /// True where one of the objects is in hand, whoever has it.
    pub(crate) fn has_any(&self, anchors: &[Anchor]) -> bool {
        let state = self.state();
        anchors.iter().any(|anchor| state.objects.contains_key(anchor))
    }

    /// Takes all objects in hand, as soon as they are free; takes none before.
    pub(crate) async fn take_all(self: &Arc<Self>, party: u64, anchors: &[Anchor]) -> Arc<Hold> {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            {
                let mut state = self.state();
                if anchors.iter().all(|anchor| state.is_free(party, anchor)) {
                    for anchor in anchors {
                        state.take(party, anchor);
                    }
                    return self.hold(party, anchors.to_vec());
                }
            }
            freed.await;
        }
    }

    /// A full read of this generation begins. What is linked beside it from now on counts as seen by it: the object may
    /// have appeared behind the place where the read is.
    pub(crate) fn begin_generation(&self, generation: u64) {
        self.generation.fetch_max(generation, Ordering::AcqRel);
    }

    /// The generation of the newest full read that this process knows of.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// True once a run beside the cycle has written something, so that a cycle cannot know what there is.
    pub(crate) fn has_written(&self) -> bool {
        self.written.load(Ordering::Acquire)
    }

    /// A run beside the cycle writes something.
    pub(crate) fn note_write(&self) {
        self.written.store(true, Ordering::Release);
    }

    fn hold(self: &Arc<Self>, party: u64, anchors: Vec<Anchor>) -> Arc<Hold> {
        Arc::new(Hold { desk: self.clone(), party, anchors, values: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_free(&self, party: u64, anchor: &Anchor) -> bool {
        self.objects.get(anchor).is_none_or(|(holder, _)| *holder == party)
    }

    fn take(&mut self, party: u64, anchor: &Anchor) -> bool {
        match self.objects.get_mut(anchor) {
            None => {
                self.objects.insert(anchor.clone(), (party, 1));
                true
            }
            Some((holder, count)) if *holder == party => {
                *count += 1;
                true
            }
            Some(_) => false,
        }
    }

    fn give_back(&mut self, anchor: &Anchor) {
        if let Some((_, count)) = self.objects.get_mut(anchor) {
            *count -= 1;
            if *count == 0 {
                self.objects.remove(anchor);
            }
        }
    }
}

/// Objects in hand, until it is dropped: when what was done with them is durable.
#[derive(Debug)]
pub(crate) struct Hold {
    desk: Arc<Desk>,
    party: u64,
    anchors: Vec<Anchor>,
    values: Mutex<Vec<Value>>,
}

impl Hold {
    /// Takes matching values of a target type for an object, or none where another object has one of them.
    pub(crate) fn claim(&self, kind: &Name, anchor: &Anchor, values: &[(Name, String)]) -> bool {
        let values: Vec<Value> =
            values.iter().map(|(name, text)| (kind.clone(), name.clone(), text.clone())).collect();
        let mut state = self.desk.state();
        let free = |value| match state.values.get(value) {
            None => true,
            Some((_, holder)) => holder == anchor,
        };
        if !values.iter().all(free) {
            return false;
        }
        let mut own = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        for value in values {
            if state.values.insert(value.clone(), (self.party, anchor.clone())).is_none() {
                own.push(value);
            }
        }
        true
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.desk.state();
        for value in self.values.get_mut().unwrap_or_else(PoisonError::into_inner) {
            state.values.remove(value);
        }
        for anchor in &self.anchors {
            state.give_back(anchor);
        }
        drop(state);
        self.desk.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchors(names: &[&str]) -> Vec<Anchor> {
        names.iter().map(|name| Anchor::new(*name)).collect()
    }

    #[tokio::test]
    async fn what_one_has_in_hand_another_waits_for() {
        let desk = Arc::new(Desk::default());
        let (one, other) = (desk.party(), desk.party());
        let (first, held) = desk.take_free(one, &anchors(&["a", "b"]));
        assert!(held.is_empty());
        let (again, held) = desk.take_free(one, &anchors(&["b"]));
        assert!(held.is_empty(), "its own hand is not in the way");
        let (_, held) = desk.take_free(other, &anchors(&["b", "c"]));
        assert_eq!(held, anchors(&["b"]).into_iter().collect());
        let waiting = tokio::spawn({
            let desk = desk.clone();
            async move { desk.take_all(other, &anchors(&["a", "b"])).await }
        });
        tokio::task::yield_now().await;
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "b is still in hand");
        drop(again);
        drop(waiting.await.unwrap());
        assert!(desk.take_free(one, &anchors(&["a", "b"])).1.is_empty());
    }

    #[test]
    fn a_value_is_one_objects() {
        let desk = Arc::new(Desk::default());
        let kind = Name::from("account");
        let [a, b] = ["a", "b"].map(Anchor::new);
        let value = [(Name::from("userName"), "ada".to_owned())];
        let (first, _) = desk.take_free(desk.party(), std::slice::from_ref(&a));
        let (second, _) = desk.take_free(desk.party(), std::slice::from_ref(&b));
        assert!(first.claim(&kind, &a, &value) && first.claim(&kind, &a, &value));
        assert!(!second.claim(&kind, &b, &value));
        drop(first);
        assert!(second.claim(&kind, &b, &value));
    }
}
