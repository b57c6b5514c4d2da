//! A job's health through the Graph API, against a clock that the test sets: escrow, quarantine, consent.

use axum::http::Method as HttpMethod;
use reqwest::{Method, StatusCode};
use serde_json::{Value as Json, json};

use crate::graph::{Job, World, instant};
use crate::target::Target;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn everything(_: &HttpMethod, _: &str, _: &str) -> bool {
    true
}

/// Writes that speak of somebody whose name begins with `bad`.
fn of_bad(method: &HttpMethod, _: &str, body: &str) -> bool {
    method != HttpMethod::GET && body.contains("bad")
}

/// The quarantine after its series has come to a number of tries.
async fn tried(job: &Job<'_>, times: u64) -> Json {
    let seen =
        job.wait("the next try", |job| job["status"]["quarantine"]["seriesCount"] == json!(times)).await;
    assert_eq!(seen["status"]["code"], "Quarantine");
    seen["status"]["quarantine"].clone()
}

/// Seconds from when a quarantine was imposed to its next attempt.
fn wait_of(quarantine: &Json) -> i64 {
    instant(&quarantine["nextAttempt"]).duration_since(instant(&quarantine["currentBegan"])).as_secs()
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_tried_after_6_12_and_24_hours_then_daily() {
    let (world, target) = (World::start(&[]), Target::start().await);
    world.user("ada").await;
    let job = world.job(&target, &[("TriggerOnChange", "true")]).await;
    job.cycle().await;
    target.refuse(everything, 401);
    world.user("bob").await;
    let mut quarantine = tried(&job, 1).await;
    assert_eq!(quarantine["reason"], "EncounteredQuarantineException");
    assert_eq!(quarantine["seriesBegan"], quarantine["currentBegan"]);
    assert_eq!(
        quarantine["error"]["code"], "SystemForCrossDomainIdentityManagementInvalidCredentials",
        "{quarantine:#}"
    );
    assert_eq!(wait_of(&quarantine), 6 * HOUR);
    let began = quarantine["seriesBegan"].clone();
    for (times, hours) in [(2, 12), (3, 24), (4, 24)] {
        let due = instant(&quarantine["nextAttempt"]);
        // Nothing is tried before its time, although changes trigger this job while it is well.
        world.advance_to(due.checked_sub(model::SignedDuration::from_mins(1)).unwrap()).await;
        world.user(&format!("early{times}")).await;
        world.advance_to(due).await;
        quarantine = tried(&job, times).await;
        assert!(instant(&quarantine["currentBegan"]) >= due);
        assert_eq!((wait_of(&quarantine), &quarantine["seriesBegan"]), (hours * HOUR, &began));
    }
    let status = job.status().await;
    assert_eq!(status["countSuccessiveCompleteFailures"], 4);
    assert_eq!(status["lastExecution"]["state"], "Failed");
    assert_eq!(status["lastSuccessfulExecution"]["state"], "Succeeded");
    assert!(job.audited("Quarantine synchronization job").await);

    // The first good cycle ends it.
    target.heal();
    world.advance_to(instant(&quarantine["nextAttempt"])).await;
    let good = job.wait("recovery", |job| job["status"]["quarantine"].is_null()).await;
    assert_eq!((&good["status"]["code"], &good["schedule"]["state"]), (&json!("Active"), &json!("Active")));
    assert_eq!(good["status"]["countSuccessiveCompleteFailures"], 0);
    assert_eq!(target.users().len(), 5);
    assert!(job.audited("Recover synchronization job").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_in_quarantine_is_disabled_after_28_days_and_start_clears_it() {
    let (world, target) = (World::start(&[]), Target::start().await);
    target.refuse(everything, 401);
    let job = world.job(&target, &[("QuarantineRetryIntervals", "PT1H,P27D")]).await;
    job.order("/start").await;
    let first = tried(&job, 1).await;
    assert_eq!(wait_of(&first), HOUR);
    world.advance_to(instant(&first["nextAttempt"])).await;
    let second = tried(&job, 2).await;
    assert_eq!(wait_of(&second), 27 * DAY);
    world.advance_to(instant(&second["nextAttempt"])).await;
    let third = tried(&job, 3).await;
    assert_eq!(job.get().await["schedule"]["state"], "Active", "28 days are not over");
    world.advance_to(instant(&third["nextAttempt"])).await;
    let disabled = job.wait("the end of the job", |job| job["schedule"]["state"] == "Disabled").await;
    assert_eq!(disabled["status"]["quarantine"]["seriesCount"], 4);
    assert!(job.audited("Disable synchronization job").await);
    target.heal();
    let started = job.cycle().await;
    assert_eq!(
        (&started["status"]["code"], &started["status"]["quarantine"]),
        (&json!("Active"), &Json::Null)
    );
}

/// By the intervals that hold where nothing is set: 6, 12, 24 hours and then daily, until 28 days are over.
#[tokio::test(flavor = "multi_thread")]
async fn a_quarantine_runs_through_its_whole_series_by_default() {
    let (world, target) = (World::start(&[]), Target::start().await);
    target.refuse(everything, 401);
    let job = world.job(&target, &[]).await;
    job.order("/start").await;
    let (mut tries, mut hours) = (1, 0);
    while hours < 28 * 24 {
        let quarantine = tried(&job, tries).await;
        let expected = match tries {
            1 => 6,
            2 => 12,
            _ => 24,
        };
        assert_eq!(wait_of(&quarantine), expected * HOUR, "after try {tries}");
        assert_eq!(job.get().await["schedule"]["state"], "Active", "after {hours} hours");
        (tries, hours) = (tries + 1, hours + expected);
        world.advance_to(instant(&quarantine["nextAttempt"])).await;
    }
    let disabled = job.wait("the end of the job", |job| job["schedule"]["state"] == "Disabled").await;
    assert_eq!((tries, &disabled["status"]["quarantine"]["seriesCount"]), (31, &json!(31)));
}

/// A reference that fails waits by the same intervals, and its object is done.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_reference_is_tried_again_by_the_intervals_of_an_escrow() {
    let (world, target) = (World::start(&[]), Target::start().await);
    let ids = people(&world, "one", 2).await;
    let job = world.job(&target, &[]).await;
    job.cycle().await;
    target.refuse(|method, _, body| method == HttpMethod::PATCH && body.contains("manager"), 400);
    let body = json!({ "@odata.id": format!("https://x/beta/users/{}", ids[0]) });
    world.send(Method::PUT, &format!("users/{}/manager/$ref", ids[1]), body).await;
    job.cycle().await;
    for (tries, wait) in [(1, 600), (2, HOUR), (3, 6 * HOUR), (4, 12 * HOUR), (5, DAY), (6, DAY)] {
        let failures = job.log("failure").await;
        assert_eq!(failures.len(), tries);
        assert_eq!(failures[tries - 1]["sourceIdentity"]["displayName"], "Name of one1");
        let last = instant(&failures[tries - 1]["activityDateTime"]);
        let due = last.checked_add(model::SignedDuration::from_secs(wait)).unwrap();
        world.advance_to(due.checked_sub(model::SignedDuration::from_secs(60)).unwrap()).await;
        assert_eq!(job.log("failure").await.len(), tries);
        world.advance_to(due).await;
        job.wait("the next try", |job| instant(&job["status"]["lastExecution"]["timeBegan"]) >= due).await;
    }
    // Tried a last time when it is 28 days old, and then no more, until somebody asks for it.
    world.advance(28 * DAY).await;
    job.wait("the last try", |job| job["status"]["lastExecution"]["countEscrowedRaw"] == 1).await;
    let tries = job.log("failure").await.len();
    target.heal();
    world.advance(2 * DAY).await;
    world.user("dora").await;
    job.cycle().await;
    assert_eq!((tries, job.log("failure").await.len()), (8, 8));
    assert_eq!(target.resources("/Users/").iter().filter(|user| !user["manager"].is_null()).count(), 0);
    let explain = job.path(&format!("/explain?objectId={}", ids[1]));
    let (_, told) = world.call(Method::GET, &explain, None).await;
    let failing = &told["rules"][0]["failingReferences"];
    assert_eq!((failing[0]["attempts"].as_u64(), &failing[0]["nextAttempt"]), (Some(8), &Json::Null));
    world.send(Method::POST, &job.path("/escrows/retry"), json!({})).await;
    job.wait("the reference", |job| job["status"]["lastExecution"]["countExported"] == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_escrow_is_tried_again_after_10_minutes_1_6_12_and_24_hours_and_dropped_after_28_days() {
    let (world, target) = (World::start(&[]), Target::start().await);
    target.refuse(of_bad, 400);
    for name in ["ada", "bad", "cleo"] {
        world.user(name).await;
    }
    let job = world.job(&target, &[]).await;
    let ended = job.cycle().await;
    assert_eq!(target.users().len(), 2, "the others are done in the same cycle");
    assert_eq!(ended["status"]["lastExecution"]["state"], "EntryLevelErrors");
    assert_eq!(ended["status"]["lastExecution"]["countEscrowed"], 1);
    assert_eq!(ended["status"]["quarantine"], Json::Null);
    let mut failures = job.log("failure").await;
    for (tries, wait) in [(1, 600), (2, HOUR), (3, 6 * HOUR), (4, 12 * HOUR), (5, DAY), (6, DAY)] {
        assert_eq!(failures.len(), tries);
        let last = instant(&failures[tries - 1]["activityDateTime"]);
        let due = last.checked_add(model::SignedDuration::from_secs(wait)).unwrap();
        world.advance_to(due.checked_sub(model::SignedDuration::from_secs(60)).unwrap()).await;
        assert_eq!(job.log("failure").await.len(), tries);
        world.advance_to(due).await;
        job.wait("the next try", |job| instant(&job["status"]["lastExecution"]["timeBegan"]) >= due).await;
        failures = job.log("failure").await;
        assert!(instant(&failures[tries]["activityDateTime"]) >= due);
    }
    // Tried a last time when it is 28 days old, and then no more.
    world.advance(28 * DAY).await;
    job.wait("the last try", |job| job["status"]["lastExecution"]["countEscrowed"] == 1).await;
    let before = job.get().await;
    world.user("dora").await;
    world.advance(2 * DAY).await;
    let last = job.log("failure").await.len();
    assert_eq!(last, 8);
    let after = job.cycle().await;
    assert_ne!(after["status"]["lastExecution"], before["status"]["lastExecution"]);
    assert_eq!(job.log("failure").await.len(), last, "nothing waits any more");
    assert_eq!(after["status"]["lastExecution"]["state"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_object_is_tried_at_once_by_its_own_intervals() {
    let (world, target) = (World::start(&[]), Target::start().await);
    target.refuse(of_bad, 400);
    let bad = world.user("bad").await;
    let job = world.job(&target, &[("EscrowRetryIntervals", "P2D,PT1H")]).await;
    job.cycle().await;
    let body =
        json!({ "mailNickname": "good", "userPrincipalName": "good@entente.example", "displayName": "Good" });
    world.send(Method::PATCH, &format!("users/{bad}"), body).await;
    let ended = job.cycle().await;
    assert_eq!(target.users().len(), 1);
    assert_eq!(ended["status"]["lastExecution"]["state"], "Succeeded");
}

/// Makes people whose names begin so.
async fn people(world: &World, prefix: &str, number: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for one in 0..number {
        ids.push(world.user(&format!("{prefix}{one}")).await);
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_a_share_of_failures_is_quarantined_until_enough_succeed() {
    let (world, target) = (World::start(&[]), Target::start().await);
    let job = world.job(&target, &[("EscrowThresholds", "4,40%,100,200")]).await;
    people(&world, "early", 2).await;
    job.cycle().await;
    target.refuse(of_bad, 400);
    people(&world, "good", 5).await;
    people(&world, "bad", 3).await;
    let few = job.cycle().await;
    assert_eq!(few["status"]["code"], "Active", "three are fewer than four");
    people(&world, "more", 7).await;
    people(&world, "badly", 4).await;
    let share = job.cycle().await;
    assert_eq!(share["status"]["code"], "Active", "4 of 11 are no more than 40 %");
    people(&world, "again", 1).await;
    people(&world, "badder", 4).await;
    job.order("/run").await;
    let quarantine = tried(&job, 1).await;
    assert_eq!(quarantine["reason"], "EncounteredEscrowProportionThreshold");
    assert_eq!(wait_of(&quarantine), 6 * HOUR);
    // What still waits counts as failed.
    world.advance_to(instant(&quarantine["nextAttempt"])).await;
    let quarantine = tried(&job, 2).await;
    assert_eq!(wait_of(&quarantine), 12 * HOUR);
    target.heal();
    world.advance_to(instant(&quarantine["nextAttempt"])).await;
    job.wait("recovery", |job| job["status"]["quarantine"].is_null()).await;
    assert_eq!(target.users().len(), 26);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_escrows_and_too_many_with_references_are_told_apart() {
    let (world, target) = (World::start(&[]), Target::start().await);
    let job = world.job(&target, &[("EscrowThresholds", "1000,40%,2,4")]).await;
    let ids = people(&world, "one", 6).await;
    job.cycle().await;
    // Managers are references: what fails of them counts only in all.
    target.refuse(|method, _, body| method == HttpMethod::PATCH && body.contains("manager"), 400);
    for report in &ids[1..] {
        let body = json!({ "@odata.id": format!("https://x/beta/users/{}", ids[0]) });
        world.send(Method::PUT, &format!("users/{report}/manager/$ref"), body).await;
    }
    job.order("/run").await;
    let quarantine = tried(&job, 1).await;
    assert_eq!(quarantine["reason"], "EncounteredTotalEscrowThreshold");
    let status = job.status().await;
    let execution = &status["lastExecution"];
    assert_eq!((&execution["countEscrowed"], &execution["countEscrowedRaw"]), (&json!(0), &json!(5)));
    target.refuse(of_bad, 400);
    people(&world, "bad", 3).await;
    world.advance_to(instant(&quarantine["nextAttempt"])).await;
    let quarantine = tried(&job, 2).await;
    assert_eq!(quarantine["reason"], "EncounteredBaseEscrowThreshold");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initial_cycle_with_too_many_failures_pauses_at_its_end_and_keeps_what_waits() {
    let (world, target) = (World::start(&[]), Target::start().await);
    target.refuse(of_bad, 400);
    people(&world, "bad", 4).await;
    people(&world, "good", 2).await;
    let job = world.job(&target, &[("EscrowThresholds", "4,40%,100,200")]).await;
    job.order("/start").await;
    let paused = job.wait("the pause", |job| job["schedule"]["state"] == "Paused").await;
    assert_eq!(paused["status"]["escrowsPruned"], true);
    assert_eq!(paused["status"]["quarantine"], Json::Null);
    assert_eq!(target.users().len(), 2);
    assert!(job.audited("Pause synchronization job").await);
    target.heal();
    job.order("/start").await;
    world.advance(600).await;
    let after = job.wait("what waited", |job| job["status"]["escrowsPruned"] == false).await;
    assert_eq!((after["status"]["code"].as_str(), target.users().len()), (Some("Active"), 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn held_removals_leave_the_interval_alone_and_force_lets_exactly_them_through_once() {
    let (world, target) = (World::start(&[]), Target::start().await);
    let ids = people(&world, "one", 8).await;
    let settings = [("QuarantineTooManyDeletesThreshold", "3"), ("Interval", "PT30M")];
    let job = world.job(&target, &settings).await;
    job.cycle().await;
    let gone = |target: &Target| target.users().values().filter(|active| !**active).count();
    for id in &ids[..3] {
        world.call(Method::DELETE, &format!("users/{id}"), None).await;
    }
    job.order("/run").await;
    let quarantine = tried(&job, 1).await;
    assert_eq!((&quarantine["reason"], wait_of(&quarantine)), (&json!("TooManyDeletes"), 30 * 60));
    assert_eq!((gone(&target), target.users().len()), (0, 8));
    // Creates go on, at the interval.
    world.user("late").await;
    world.advance(30 * 60).await;
    job.wait("a cycle at the interval", |job| job["status"]["lastExecution"]["countExported"] == 1).await;
    assert_eq!((gone(&target), target.users().len()), (0, 9));
    // Others leave before the consent: it is not for them.
    for id in &ids[3..6] {
        world.call(Method::DELETE, &format!("users/{id}"), None).await;
    }
    let before = job.get().await;
    job.restart("ForceDeletes").await;
    let after = job.ended(&before).await;
    assert_eq!(gone(&target), 3);
    assert_eq!(after["status"]["quarantine"]["reason"], "TooManyDeletes");
    // And once: these wait for a consent of their own.
    let held: Vec<Json> =
        job.log("warning").await.into_iter().map(|one| one["sourceIdentity"]["id"].clone()).collect();
    assert_eq!(held.iter().collect::<std::collections::HashSet<_>>().len(), 6);
    let before = job.get().await;
    job.restart("ForceDeletes").await;
    let after = job.ended(&before).await;
    assert_eq!((gone(&target), &after["status"]["quarantine"]), (6, &Json::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restart_forgets_is_what_its_flags_say() {
    let (world, target) = (World::start(&[]), Target::start().await);
    people(&world, "good", 3).await;
    world.user("bad").await;
    target.refuse(of_bad, 400);
    let job = world.job(&target, &[("EscrowRetryIntervals", "P20D")]).await;
    job.cycle().await;
    let restarted = async |scope: &str| {
        let before = job.get().await;
        job.restart(scope).await;
        job.ended(&before).await["status"].clone()
    };
    let read = |status: &Json| status["lastExecution"]["countImported"].as_u64().unwrap();
    let waiting = |status: &Json| status["lastExecution"]["state"] == "EntryLevelErrors";
    // A read of everything clears what waits, and everything fails or succeeds anew.
    let status = restarted("Watermark").await;
    assert_eq!((read(&status), waiting(&status)), (4, true));
    // Without what waits, nothing is left to do.
    let status = restarted("Escrows").await;
    assert_eq!(status["lastExecution"]["timeBegan"], job.status().await["lastExecution"]["timeBegan"]);
    assert!(job.log("failure").await.len() == 2, "nothing was tried");
    target.refuse(everything, 401);
    world.user("late").await;
    job.order("/run").await;
    tried(&job, 1).await;
    target.heal();
    let status = restarted("QuarantineState, Escrows").await;
    assert_eq!((&status["quarantine"], read(&status)), (&Json::Null, 1));
    // Nothing given: everything but the links.
    let before = job.get().await;
    job.order("/restart").await;
    let status = job.ended(&before).await["status"].clone();
    assert_eq!((read(&status), target.users().len()), (5, 5));
    let (code, answer) = world
        .call(
            Method::POST,
            &job.path("/restart"),
            Some(json!({ "criteria": { "resetScope": "Everything" } })),
        )
        .await;
    assert_eq!(code, StatusCode::BAD_REQUEST, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_full_reset_unconfirmed_accounts_are_reported_and_left_alone() {
    let (world, target) = (World::start(&[]), Target::start().await);
    let ids = people(&world, "one", 4).await;
    let job = world.job(&target, &[]).await;
    job.cycle().await;
    let before = target.resources("/Users/");
    // One is renamed at the target, so that matching does not find it; one is gone at the source.
    target.rename("one1@entente.example", "renamed");
    world.call(Method::DELETE, &format!("users/{}", ids[2]), None).await;
    world.call(Method::DELETE, &format!("directory/deletedItems/{}", ids[2]), None).await;
    let known = job.get().await;
    job.restart("Full").await;
    job.ended(&known).await;
    let orphans = job.log("warning").await;
    let mut told: Vec<&str> =
        orphans.iter().map(|one| one["sourceIdentity"]["id"].as_str().unwrap()).collect();
    told.sort_unstable();
    let mut expected = [ids[1].as_str(), ids[2].as_str()];
    expected.sort_unstable();
    assert_eq!(told, expected);
    for orphan in &orphans {
        let info = &orphan["provisioningStatusInfo"]["errorInformation"];
        assert_eq!(info["errorCode"], "OrphanAfterReset");
        assert!(info["recommendedAction"].as_str().is_some_and(|advice| advice.contains("by hand")));
        assert!(orphan["targetIdentity"]["displayName"].as_str().unwrap().starts_with("Name of one"));
    }
    let after = target.resources("/Users/");
    assert_eq!(after.len(), before.len() + 1, "the one that was not found was made anew");
    assert!(after.iter().all(|user| user["active"] != json!(false)), "nobody was disabled");
    // They are reported once.
    world.user("late").await;
    job.cycle().await;
    assert_eq!(job.log("warning").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_target_makes_hints_of_links_as_a_reset_does() {
    let (world, old, new) = (World::start(&[]), Target::start().await, Target::start().await);
    people(&world, "one", 3).await;
    let job = world.job(&old, &[]).await;
    job.cycle().await;
    let before = old.resources("/Users/");
    new.fill("Users", 5).await;
    job.put_secrets(&new, &[]).await;
    let ended = job.cycle().await;
    assert_eq!(ended["status"]["lastExecution"]["countImported"], 3, "everything is read");
    assert_eq!((old.resources("/Users/"), new.users().len()), (before, 8));
    let orphans = job.log("warning").await;
    assert_eq!(orphans.len(), 3);
    for orphan in orphans {
        assert_eq!(orphan["provisioningStatusInfo"]["errorInformation"]["errorCode"], "OrphanAfterReset");
    }
    assert!(job.audited("Reset synchronization links").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_is_told_with_names() {
    let (world, target) = (World::start(&[]), Target::start().await);
    let ids = people(&world, "one", 2).await;
    let job = world.job(&target, &[]).await;
    job.cycle().await;
    let body = json!({ "@odata.id": format!("https://x/beta/users/{}", ids[0]) });
    world.send(Method::PUT, &format!("users/{}/manager/$ref", ids[1]), body).await;
    job.cycle().await;
    let records = job.log("success").await;
    let told = records
        .iter()
        .find(|one| one["modifiedProperties"][0]["displayName"].as_str().unwrap().contains("manager"));
    let told = told.expect("a record of the manager");
    assert_eq!(told["sourceIdentity"]["displayName"], "Name of one1");
    let value = told["modifiedProperties"][0]["newValue"].as_str().unwrap();
    assert!(value.starts_with("Name of one0 (r"), "{value}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_schedule_disables_the_job_in_time_and_cannot_be_started() {
    let (world, target) = (World::start(&[]), Target::start().await);
    world.user("ada").await;
    let job = world.job(&target, &[]).await;
    job.cycle().await;
    let moment = instant(&job.status().await["lastExecution"]["timeEnded"]);
    let moment = moment.checked_add(model::SignedDuration::from_hours(2)).unwrap();
    let body = json!({ "schedule": { "expiration": moment } });
    world.send(Method::PATCH, &job.path(""), body).await;
    let requests = target.requests();
    world.advance_to(moment).await;
    job.wait("the end of the schedule", |job| job["schedule"]["state"] == "Disabled").await;
    assert!(job.audited("Disable synchronization job").await);
    assert_eq!(target.requests(), requests);
    let (status, answer) = world.call(Method::POST, &job.path("/start"), None).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("schedule.expiration"));
    world.send(Method::PATCH, &job.path(""), json!({ "schedule": { "expiration": null } })).await;
    world.user("bob").await;
    job.cycle().await;
    assert_eq!(target.users().len(), 2);
}
