//! Notices about a job's health, by mail and by webhook, at sinks on loopback.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value as Json, json};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::graph::{Job, World, instant};
use crate::target::Target;

const SECRET: &str = "what signs the notices";

/// Keeps what is posted to it; refuses as often as it is told.
#[derive(Clone, Default)]
struct Hook {
    kept: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    refusals: Arc<Mutex<u32>>,
}

impl Hook {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    /// What came, once it is so many.
    async fn posted(&self, number: usize) -> Vec<(HeaderMap, String)> {
        wait_for("the notices", || self.kept.lock().unwrap().len() >= number).await;
        self.kept.lock().unwrap().clone()
    }
}

async fn take(State(hook): State<Hook>, headers: HeaderMap, body: String) -> StatusCode {
    hook.kept.lock().unwrap().push((headers, body));
    let mut refusals = hook.refusals.lock().unwrap();
    if *refusals == 0 {
        return StatusCode::NO_CONTENT;
    }
    *refusals -= 1;
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_mins(1), "{what} did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn notice(posted: &(HeaderMap, String)) -> Json {
    let (headers, body) = posted;
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{}.{body}", header("Entente-Timestamp")).as_bytes());
    let octets = mac.finalize().into_bytes();
    let expected = octets.iter().fold("v1=".to_owned(), |text, octet| format!("{text}{octet:02x}"));
    assert_eq!(header("Entente-Signature"), expected);
    let notice: Json = serde_json::from_str(body).unwrap();
    assert_eq!(notice["id"], header("Entente-Event-Id"));
    notice
}

fn kinds(posted: &[(HeaderMap, String)]) -> Vec<String> {
    posted.iter().map(|one| notice(one)["kind"].as_str().unwrap().to_owned()).collect()
}

fn refuse_everything(target: &Target) {
    target.refuse(|_, _, _| true, 401);
}

async fn quarantined(job: &Job<'_>, times: u64) -> Json {
    let seen =
        job.wait("the quarantine", |job| job["status"]["quarantine"]["seriesCount"] == json!(times)).await;
    seen["status"]["quarantine"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_told_once_per_event_and_again_until_it_takes_it() {
    let (hook, target) = (Hook::default(), Target::start().await);
    let url = hook.start().await;
    let variables = [("ENTENTE_WEBHOOK_URL", url.as_str()), ("ENTENTE_WEBHOOK_SECRET", SECRET)];
    let world = World::start(&variables);
    let ids = [world.user("ada").await, world.user("bob").await];
    let job = world.job(&target, &[("QuarantineTooManyDeletesThreshold", "1")]).await;
    job.cycle().await;
    // The receiver fails; the cycle does not, and the notice comes again.
    *hook.refusals.lock().unwrap() = 1;
    refuse_everything(&target);
    world.user("cleo").await;
    job.order("/run").await;
    let mut quarantine = quarantined(&job, 1).await;
    let first = notice(&hook.posted(1).await[0]);
    assert_eq!(
        (&first["kind"], &first["code"]),
        (&json!("quarantined"), &json!("EncounteredQuarantineException"))
    );
    assert_eq!((&first["jobId"], &first["servicePrincipalId"]), (&json!(job.id), &json!(job.principal)));
    assert_eq!(instant(&first["nextAttempt"]), instant(&quarantine["nextAttempt"]));
    world.advance(15).await;
    let posted = hook.posted(2).await;
    assert_eq!(notice(&posted[1]), first, "the same event");
    // Further tries of the same series are no news; the end of it is.
    for times in 2..4 {
        world.advance_to(instant(&quarantine["nextAttempt"])).await;
        quarantine = quarantined(&job, times).await;
    }
    target.heal();
    world.advance_to(instant(&quarantine["nextAttempt"])).await;
    job.wait("recovery", |job| job["status"]["quarantine"].is_null()).await;
    assert_eq!(kinds(&hook.posted(3).await)[2..], ["recovered"]);
    // Removals that wait for consent, and a job that is disabled.
    world.send(Method::PATCH, &format!("users/{}", ids[0]), json!({ "accountEnabled": false })).await;
    job.order("/run").await;
    quarantined(&job, 1).await;
    let posted = hook.posted(4).await;
    assert_eq!(kinds(&posted)[3..], ["removalsStaged"]);
    assert!(notice(&posted[3])["message"].as_str().unwrap().contains("ForceDeletes"));
    job.set(&[("QuarantineTooManyDeletesThreshold", "1"), ("Interval", "P2D")]).await;
    world.advance(29 * 24 * 3600).await;
    job.wait("the end of the job", |job| job["schedule"]["state"] == "Disabled").await;
    assert_eq!(kinds(&hook.posted(5).await)[4..], ["disabled"]);
}

/// The kinds that the other test does not come upon: creates and updates that are held, and a pause after an initial cycle.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_told_of_held_creates_and_updates_and_of_a_pause() {
    let (hook, target) = (Hook::default(), Target::start().await);
    let url = hook.start().await;
    let world = World::start(&[("ENTENTE_WEBHOOK_URL", url.as_str()), ("ENTENTE_WEBHOOK_SECRET", SECRET)]);
    let ada = world.user("ada").await;
    let job = world.job(&target, &[]).await;
    job.cycle().await;
    job.set(&[("MaxCreates", "1"), ("MaxUpdates", "1")]).await;
    world.user("bob").await;
    job.order("/run").await;
    let quarantine = quarantined(&job, 1).await;
    let posted = hook.posted(1).await;
    assert_eq!(kinds(&posted), ["createsStaged"]);
    let told = notice(&posted[0]);
    assert!(told["message"].as_str().unwrap().contains("MaxCreates"));
    assert_eq!(instant(&told["nextAttempt"]), instant(&quarantine["nextAttempt"]));
    world
        .send(Method::POST, &job.path("/allow"), json!({ "kinds": ["creates"], "reason": "new people" }))
        .await;
    assert_eq!(kinds(&hook.posted(2).await)[1..], ["recovered"]);
    world.send(Method::PATCH, &format!("users/{ada}"), json!({ "displayName": "Ada" })).await;
    job.order("/run").await;
    assert_eq!(kinds(&hook.posted(3).await)[2..], ["updatesStaged"]);
    world
        .send(Method::POST, &job.path("/allow"), json!({ "kinds": ["updates"], "reason": "new name" }))
        .await;
    assert_eq!(kinds(&hook.posted(4).await)[3..], ["recovered"]);

    target.refuse(|method, _, _| *method != axum::http::Method::GET, 400);
    job.set(&[("EscrowThresholds", "1,40%,100,200")]).await;
    world.user("cleo").await;
    job.order("/restart").await;
    job.wait("the pause", |job| job["schedule"]["state"] == "Paused").await;
    let posted = hook.posted(5).await;
    assert_eq!(kinds(&posted)[4..], ["paused"]);
    assert_eq!(notice(&posted[4])["code"], "EscrowsPruned");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_outlives_a_crash() {
    let (hook, target) = (Hook::default(), Target::start().await);
    let url = hook.start().await;
    let variables = [("ENTENTE_WEBHOOK_URL", url.as_str()), ("ENTENTE_WEBHOOK_SECRET", SECRET)];
    let mut world = World::start(&variables);
    *hook.refusals.lock().unwrap() = 1;
    refuse_everything(&target);
    let job = world.job(&target, &[]).await;
    job.order("/start").await;
    quarantined(&job, 1).await;
    let first = notice(&hook.posted(1).await[0]);
    world.crash(&variables);
    world.advance(15).await;
    assert_eq!(notice(&hook.posted(2).await[1]), first);
}

/// Takes mail as a server does, and keeps it.
async fn mail_server() -> (u16, Arc<Mutex<Vec<Vec<String>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let kept: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
    let mails = kept.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, mails.clone()));
        }
    });
    (port, kept)
}

/// One conversation; the mail is what the client said.
async fn converse(stream: TcpStream, mails: Arc<Mutex<Vec<Vec<String>>>>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let (mut said, mut in_data) = (Vec::new(), false);
    write.write_all(b"220 sink\r\n").await.unwrap();
    while let Ok(Some(line)) = lines.next_line().await {
        said.push(line.clone());
        let answer: &[u8] = match (in_data, line.split(' ').next().unwrap_or_default()) {
            (true, ".") => {
                in_data = false;
                mails.lock().unwrap().push(std::mem::take(&mut said));
                b"250 taken\r\n"
            }
            (true, _) => continue,
            (_, "DATA") => {
                in_data = true;
                b"354 go on\r\n"
            }
            (_, "QUIT") => b"221 bye\r\n",
            _ => b"250 fine\r\n",
        };
        if write.write_all(answer).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_to_those_of_the_configuration_and_of_the_application() {
    let ((port, mails), target) = (mail_server().await, Target::start().await);
    let server = format!("127.0.0.1:{port}");
    let world = World::start(&[
        ("ENTENTE_MAIL_SERVER", server.as_str()),
        ("ENTENTE_MAIL_TLS", "none"),
        ("ENTENTE_MAIL_FROM", "Entente <entente@example.com>"),
        ("ENTENTE_MAIL_TO", "operations@example.com"),
    ]);
    refuse_everything(&target);
    let job = world.job(&target, &[]).await;
    let settings = json!({ "Enabled": true, "Recipients": "owner@example.com; not an address" }).to_string();
    job.put_secrets(&target, &[("SyncNotificationSettings", &settings)]).await;
    job.order("/start").await;
    let quarantine = quarantined(&job, 1).await;
    wait_for("the mail", || !mails.lock().unwrap().is_empty()).await;
    // Long lines are broken for the way.
    let mail = mails.lock().unwrap()[0].join("\n").replace("=\n", "");
    let said = |line: &str| assert!(mail.contains(line), "no {line} in {mail}");
    said("RCPT TO:<operations@example.com>");
    said("RCPT TO:<owner@example.com>");
    said("MAIL FROM:<entente@example.com>");
    said("Subject: Entente: a synchronization job is in quarantine");
    said(&job.id);
    said("EncounteredQuarantineException");
    said(quarantine["nextAttempt"].as_str().unwrap().split('.').next().unwrap());
    assert!(!mail.contains("not an address"));
}
