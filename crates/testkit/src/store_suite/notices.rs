//! Notices that wait to be delivered.

use model::{Timestamp, Uuid};
use store::{PendingNotice, SharedStore};

use super::{at, id};

fn notice(id: Uuid, channel: &str, attempts: u32, next: Timestamp) -> PendingNotice {
    PendingNotice { id, channel: channel.into(), body: format!("to {channel}: żółw"), attempts, next }
}

/// A notice waits for its moment, is written anew after a failing try, and goes when it is dropped.
pub async fn notices_wait_until_they_are_dropped(store: SharedStore) {
    let (one, other) = (id(), id());
    let own = |notices: Vec<PendingNotice>| {
        notices.into_iter().filter(|notice| notice.id == one || notice.id == other).collect::<Vec<_>>()
    };
    for wanted in
        [notice(one, "mail", 0, at(10)), notice(one, "webhook", 0, at(5)), notice(other, "mail", 0, at(20))]
    {
        store.put_notice(wanted).await.expect("written");
    }
    assert!(store.next_notice().await.expect("read").is_some_and(|next| next <= at(5)));
    let due = own(store.due_notices(at(10), 10_000).await.expect("read"));
    assert_eq!(due, [notice(one, "webhook", 0, at(5)), notice(one, "mail", 0, at(10))]);
    store.put_notice(notice(one, "mail", 3, at(40))).await.expect("written");
    store.drop_notice(one, "webhook").await.expect("dropped");
    let due = own(store.due_notices(at(40), 10_000).await.expect("read"));
    assert_eq!(due, [notice(other, "mail", 0, at(20)), notice(one, "mail", 3, at(40))]);
    for id in [one, other] {
        store.drop_notice(id, "mail").await.expect("dropped");
    }
    assert!(own(store.due_notices(at(100), 10_000).await.expect("read")).is_empty());
}
