//! Lists: their pages, and where they end.

use connector::{Cursor, ErrorClass, Target};
use model::FailureCode;
use serde_json::{Value as Json, json};

use super::fake::{Fake, Reply};
use super::odd::error;
use super::{USER, built, configuration, selection, target};

/// All ids of a list; ends after so many pages at the latest.
async fn listed(target: &dyn Target) -> Vec<String> {
    let (mut ids, mut cursor): (Vec<String>, Option<Cursor>) = (Vec::new(), None);
    for _ in 0..10 {
        let page = target.list(&selection(USER, &[]), cursor.as_ref()).await.unwrap();
        ids.extend(page.objects.into_iter().map(|object| object.anchor.as_str().to_owned()));
        cursor = page.next;
        if cursor.is_none() {
            return ids;
        }
    }
    panic!("no end after {} objects", ids.len())
}

#[tokio::test]
async fn a_wrong_total_loses_nobody_and_ends() {
    // How the total is told of a list of five in pages of two, and what comes past the end.
    let past = || Some(Reply::json(400, &error(400, "invalidValue", "startIndex")));
    for (name, total) in [("right", 5_u64), ("of the page", 2), ("nothing", 0)] {
        for refuses in [false, true] {
            let fake = Fake::start(move |request| {
                let start: usize = request.line.rsplit_once("startIndex=")?.1.parse().ok()?;
                let all: Vec<Json> = (1..=5).map(|id| json!({"id": id.to_string()})).collect();
                if start > 5 && refuses {
                    return past();
                }
                let page = &all[(start - 1).min(5)..(start + 1).min(5)];
                Some(Reply::json(200, &json!({"totalResults": total, "Resources": page})))
            })
            .await;
            let target = built(&configuration(&fake.base(), &[("PageSize", "2")])).await;
            assert_eq!(listed(&*target).await, ["1", "2", "3", "4", "5"], "{name}");
        }
    }
}

/// A description of a service that pages by cursor, or by index alone.
fn paging(by_cursor: bool) -> Reply {
    Reply::json(200, &json!({"patch": {"supported": true}, "pagination": {"cursor": by_cursor}}))
}

/// Three of five in pages of two by index or by cursor, told of with a total for each page; those that are missing tell
/// none.
async fn ending(by_cursor: bool, totals: &'static [u64]) -> Fake {
    Fake::start(move |request| {
        if request.line.ends_with("/ServiceProviderConfig") {
            return Some(paging(by_cursor));
        }
        let place = request.line.rsplit_once(if by_cursor { "cursor=" } else { "startIndex=" })?.1;
        let start = if place.is_empty() { 1 } else { place.parse::<usize>().ok()? };
        let all = ["1", "2", "3"].map(|id| json!({"id": id, "userName": id}));
        let page = &all[(start - 1).min(3)..(start + 1).min(3)];
        let mut body = json!({"Resources": page});
        if let Some(total) = totals.get(start / 2) {
            body["totalResults"] = json!(total);
        }
        if by_cursor && start < 3 {
            body["nextCursor"] = json!("3");
        }
        Some(Reply::json(200, &body))
    })
    .await
}

#[tokio::test]
async fn a_list_that_ends_early_is_not_taken_for_all_there_is() {
    // Of the pages at least the first tells how many there are.
    let every: &[u64] = &[5, 5, 5];
    for (by_cursor, totals) in [(false, every), (true, every), (false, &[5]), (true, &[5])] {
        let fake = ending(by_cursor, totals).await;
        let settings = [("PageSize", "2"), ("NoFilterOn", "userName")];
        let target = built(&configuration(&fake.base(), &settings)).await;
        let selected = selection(USER, &["userName"]);
        let mut cursor = None;
        let error = loop {
            match target.list(&selected, cursor.as_ref()).await {
                Ok(page) => cursor = Some(page.next.expect("the list goes on")),
                Err(error) => break error,
            }
        };
        let words = format!("GET {}/Users ended the list after 3 of the 5 resources", fake.base());
        assert!(error.detail.starts_with(&words) && error.detail.contains("Target.Listing"), "{error}");
        assert_eq!(
            (&error.class, error.code),
            (&ErrorClass::Retry { after: None }, FailureCode::ServiceIncompatible)
        );
        // Whoever is looked for may be among those that were not shown; whoever was shown is not the only one.
        for name in ["5", "1"] {
            let found = target.find(&selected, &"userName".into(), &name.into(), false).await;
            assert!(found.unwrap_err().detail.starts_with(&words), "{name}");
        }
    }
}

#[tokio::test]
async fn a_first_page_that_is_less_than_the_list_is_not_taken_for_all_there_is() {
    // Nothing is shown of what is counted; and a cursor is needed, but none comes.
    for (by_cursor, shown) in [(false, 0), (true, 0), (true, 1)] {
        let fake = Fake::start(move |request| {
            let page = json!({"totalResults": 9, "Resources": vec![json!({"id": "1"}); shown]});
            Some(match &request.line {
                line if line.ends_with("/ServiceProviderConfig") => paging(by_cursor),
                line if line.contains("/Users?") => Reply::json(200, &page),
                _ => return None,
            })
        })
        .await;
        let error = target(&fake.base()).await.list(&selection(USER, &[]), None).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert!(error.detail.contains(&format!("after {shown} of the 9 resources")), "{error}");
    }
}

#[tokio::test]
async fn a_service_that_is_too_busy_for_the_next_page_has_not_said_that_there_is_none() {
    let fake = Fake::start(|request| {
        let two = [json!({"id": "1"}), json!({"id": "2"})];
        match request.line.rsplit_once("startIndex=")?.1 {
            "1" => Some(Reply::list(&two)),
            _ => Some(Reply::empty(429)),
        }
    })
    .await;
    let target = built(&configuration(&fake.base(), &[("PageSize", "2")])).await;
    let first = target.list(&selection(USER, &[]), None).await.unwrap();
    let error = target.list(&selection(USER, &[]), first.next.as_ref()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Throttled { after: None });
}

#[tokio::test]
async fn what_comes_and_goes_while_a_list_is_read_does_not_end_it_early() {
    // The last page counts fewer, because some went; or more, because some came that a cursor does not lead to.
    for (by_cursor, totals) in
        [(false, &[5, 3, 3]), (false, &[5, 4, 2]), (true, &[5, 3, 3]), (true, &[3, 9, 9])]
    {
        let fake = ending(by_cursor, totals).await;
        let target = built(&configuration(&fake.base(), &[("PageSize", "2")])).await;
        assert_eq!(listed(&*target).await, ["1", "2", "3"], "{by_cursor} {totals:?}");
    }
}

#[tokio::test]
async fn a_service_that_always_sends_the_first_page_is_read_once() {
    let fake = Fake::start(|request| {
        let two = [json!({"id": "1"}), json!({"id": "2"})];
        request.is("GET /v2/Users?").then(|| Reply::list(&two))
    })
    .await;
    let target = built(&configuration(&fake.base(), &[("PageSize", "2")])).await;
    assert_eq!(listed(&*target).await, ["1", "2"]);
}

#[tokio::test]
async fn a_cursor_that_leads_nowhere_is_noticed() {
    let fake = Fake::start(|request| match &request.line {
        line if line.ends_with("/ServiceProviderConfig") => Some(paging(true)),
        line if line.contains("cursor=") => {
            let page = json!({"totalResults": 2, "nextCursor": "again", "Resources": [{"id": "1"}]});
            Some(Reply::json(200, &page))
        }
        _ => None,
    })
    .await;
    let target = target(&fake.base()).await;
    let selected = selection(USER, &[]);
    let first = target.list(&selected, None).await.unwrap();
    let error = target.list(&selected, first.next.as_ref()).await.unwrap_err();
    assert!(error.detail.contains("does not page"), "{error}");
}

/// Who looks for somebody in a list that leads in a circle is told so, and nobody is found twice.
#[tokio::test]
async fn a_search_in_a_list_that_has_no_end_comes_to_one() {
    let fake = Fake::start(|request| {
        if request.line.ends_with("/ServiceProviderConfig") {
            return Some(paging(true));
        }
        let place: usize = request.line.rsplit_once("cursor=")?.1.parse().unwrap_or(0);
        let page = json!({"nextCursor": (place + 1).to_string(), "Resources": users([place % 3])});
        Some(Reply::json(200, &page))
    })
    .await;
    let target = built(&configuration(&fake.base(), &[("NoFilterOn", "*")])).await;
    let found = target.find(&selection(USER, &[]), &"userName".into(), &"1".into(), true).await;
    let error = found.unwrap_err();
    assert!(error.detail.contains("100 pages in a row"), "{error}");
    assert!(fake.requests().len() < 110);
}

#[tokio::test]
async fn a_list_that_does_not_page_is_noticed() {
    let first = || json!({"totalResults": 4, "Resources": [{"id": "1"}, {"id": "2"}]});
    let fake =
        Fake::start(move |request| request.is("GET /v2/Users?").then(|| Reply::json(200, &first()))).await;
    let target = target(&fake.base()).await;
    let selected = selection(USER, &[]);
    let page = target.list(&selected, None).await.unwrap();
    let error = target.list(&selected, page.next.as_ref()).await.unwrap_err();
    assert!(error.detail.contains("the target does not page"), "{error}");
    let error = target.list(&selected, Some(&Cursor("nonsense".to_owned()))).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CursorRefused);
}

/// Users whose names are their ids.
fn users(ids: impl IntoIterator<Item = usize>) -> Vec<Json> {
    ids.into_iter().map(|id| json!({"id": id.to_string(), "userName": id.to_string()})).collect()
}

/// A service that never tells how many there are, and shows what a function says at a place.
async fn untold(by_cursor: bool, page: impl Fn(&str) -> Option<Json> + Send + Sync + 'static) -> Fake {
    Fake::start(move |request| {
        if request.line.ends_with("/ServiceProviderConfig") {
            return Some(paging(by_cursor));
        }
        let (_, place) = request.line.rsplit_once(['&', '?'])?;
        page(place).map(|page| Reply::json(200, &page))
    })
    .await
}

#[tokio::test]
async fn a_list_by_cursor_need_not_tell_a_total() {
    // The service names the cursors of its own accord too, where it is asked by index.
    for by_cursor in [true, false] {
        let fake = untold(by_cursor, |place| {
            Some(match place {
                "cursor=" | "startIndex=1" => json!({"Resources": users([1, 2]), "nextCursor": "b"}),
                "cursor=b" => json!({"Resources": [], "nextCursor": "c"}),
                "cursor=c" => json!({"Resources": users([3])}),
                _ => return None,
            })
        })
        .await;
        let settings = [("PageSize", "2"), ("NoFilterOn", "userName")];
        let target = built(&configuration(&fake.base(), &settings)).await;
        assert_eq!(listed(&*target).await, ["1", "2", "3"]);
        let selected = selection(USER, &["userName"]);
        assert_eq!(target.list(&selected, None).await.unwrap().total, None);
        for (name, count) in [("3", 1), ("4", 0)] {
            let found = target.find(&selected, &"userName".into(), &name.into(), false).await.unwrap();
            assert_eq!(found.len(), count, "{name}");
        }
    }
}

#[tokio::test]
async fn a_list_by_index_without_a_total_ends_where_nothing_is_shown() {
    // The service's pages are as short as it likes.
    for size in ["2", "100"] {
        let fake = untold(false, |place| {
            let start: usize = place.strip_prefix("startIndex=")?.parse().ok()?;
            Some(json!({"startIndex": start, "Resources": users(start..6.min(start + 2))}))
        })
        .await;
        let target = built(&configuration(&fake.base(), &[("PageSize", size)])).await;
        assert_eq!(listed(&*target).await, ["1", "2", "3", "4", "5"]);
        assert!(fake.lines().last().unwrap().ends_with("startIndex=6"));
    }
    // An error is no end: nothing tells that all was shown.
    let fake =
        untold(false, |place| (place == "startIndex=1").then(|| json!({"Resources": users([1])}))).await;
    let target = target(&fake.base()).await;
    let first = target.list(&selection(USER, &[]), None).await.unwrap();
    assert!(target.list(&selection(USER, &[]), first.next.as_ref()).await.is_err());
}

#[tokio::test]
async fn a_list_without_a_total_that_is_always_sent_whole_is_read_once() {
    for (size, ids) in [("100", Some(vec!["1", "2"])), ("1", Some(vec!["1", "2"])), ("2", None)] {
        let fake = untold(false, |_| Some(json!({"startIndex": 1, "Resources": users([1, 2])}))).await;
        let target = built(&configuration(&fake.base(), &[("PageSize", size)])).await;
        if let Some(ids) = ids {
            assert_eq!(listed(&*target).await, ids);
            continue;
        }
        // As many as were asked for, again and again, need not be all.
        let first = target.list(&selection(USER, &[]), None).await.unwrap();
        let error = target.list(&selection(USER, &[]), first.next.as_ref()).await.unwrap_err();
        assert!(error.detail.contains("the target does not page"), "{error}");
    }
}

#[tokio::test]
async fn a_filter_s_answer_need_not_tell_a_total() {
    let none = json!({"Resources": []});
    let others = json!({"Resources": users([1, 2])});
    let going_on = |page: &Json| {
        let mut page = page.clone();
        page["nextCursor"] = json!("b");
        page
    };
    for (by_cursor, page, name, found) in [
        (true, others.clone(), "2", Ok(1)),
        (true, none.clone(), "3", Ok(0)),
        (false, none.clone(), "3", Ok(0)),
        // All was shown, and nobody has the value.
        (true, others.clone(), "3", Ok(0)),
        // There is more, or may be.
        (true, going_on(&others), "3", Err("ignores filters")),
        (false, others, "3", Err("ignores filters")),
        (true, going_on(&none), "3", Err("goes on")),
    ] {
        let fake = untold(by_cursor, move |_| Some(page.clone())).await;
        let target = target(&fake.base()).await;
        let selected = selection(USER, &["userName"]);
        match (target.find(&selected, &"userName".into(), &name.into(), false).await, found) {
            (Ok(objects), Ok(count)) => assert_eq!(objects.len(), count),
            (Err(error), Err(words)) => assert!(error.detail.contains(words), "{error}"),
            (seen, expected) => panic!("{seen:?} in place of {expected:?}"),
        }
    }
}
