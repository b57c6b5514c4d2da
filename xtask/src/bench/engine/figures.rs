//! The steps that measure, each in a process of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connector::Target;
use directory::{ObjectKind, TenantDirectory};
use engine::CycleEnd;
use model::Uuid;
use model::job::Job;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use testkit::{Fault, MemoryTarget, Method};
use tokio::task::JoinHandle;

use super::organization::user_ids;
use super::target::ForgetfulTarget;
use super::world::{World, database};
use crate::graph::Failure;

/// The types of the template's target, and what is unique among their objects.
const UNIQUE: [(&str, &str); 2] = [
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "userName"),
    ("urn:ietf:params:scim:schemas:core:2.0:Group", "displayName"),
];
/// Cycles that find nothing.
const IDLE: usize = 50;
/// Cycles that find changes, each of other users.
const CHANGED: usize = 7;
/// How long a target of a network, and a fast one, takes for an answer.
const ANSWER: Duration = Duration::from_millis(1);
/// Pause between two writes to the directory while a cycle runs.
const WRITE_PAUSE: Duration = Duration::from_millis(20);

/// What an initial cycle costs whose target keeps nothing.
#[derive(Serialize, Deserialize)]
pub(super) struct Forgetful {
    pub(super) seconds: f64,
    /// Seconds of processors that it took.
    pub(super) all_seconds: f64,
    /// Those of the thread that writes the database.
    pub(super) writing_seconds: f64,
    /// The most memory that the process ever had.
    pub(super) peak_mib: f64,
}

/// What cycles cost.
#[derive(Serialize, Deserialize)]
pub(super) struct Cycles {
    /// Users and groups that were provisioned.
    pub(super) objects: f64,
    /// Managers and memberships that were.
    pub(super) references: f64,
    pub(super) initial_seconds: f64,
    /// Requests that the initial cycle sent.
    pub(super) initial_requests: f64,
    /// Writes to the directory while the initial cycle ran: 99 in 100 were as fast or faster.
    pub(super) write_p99_ms: f64,
    pub(super) idle_median_ms: f64,
    pub(super) idle_slowest_ms: f64,
    pub(super) changes_median_ms: f64,
    pub(super) changes_slowest_ms: f64,
    /// As the median, where the target takes a while for each answer.
    pub(super) changes_slow_target_ms: f64,
    /// Seconds of processors that a change took.
    pub(super) change_all_seconds: f64,
    /// Those of the thread that writes the database.
    pub(super) change_writing_seconds: f64,
}

/// An initial cycle into a target that keeps nothing.
pub(super) async fn forgetful(folder: &Path) -> Result<Forgetful, Failure> {
    let world = World::open(folder, Some(Arc::new(ForgetfulTarget::default()))).await?;
    let job = world.job().await?;
    let before = Processors::now()?;
    let seconds = cycle(&world, &job).await?.as_secs_f64();
    let after = Processors::now()?;
    Ok(Forgetful {
        seconds,
        all_seconds: after.all - before.all,
        writing_seconds: after.writing - before.writing,
        peak_mib: peak_mib()?,
    })
}

/// An initial cycle with writes to the directory meanwhile, idle cycles, and one after changes.
pub(super) async fn cycles(folder: &Path, users: usize, changes: usize) -> Result<Cycles, Failure> {
    let memory =
        UNIQUE.iter().fold(MemoryTarget::new(), |target, (kind, unique)| target.unique(kind, unique));
    let target: Arc<dyn Target> = Arc::new(memory.clone());
    let world = World::open(folder, Some(target)).await?;
    let job = world.job().await?;

    let writer = Writer::start(&world.directory).await?;
    let initial_seconds = cycle(&world, &job).await?.as_secs_f64();
    let write_p99_ms = writer.stop().await?;
    let requests = memory.calls().total();
    let objects: usize = UNIQUE.iter().map(|(kind, _)| memory.objects(kind).len()).sum();
    let references = references(&memory);

    // Takes up what was written meanwhile.
    cycle(&world, &job).await?;
    let mut idle = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        idle.push(cycle(&world, &job).await?);
    }
    idle.sort_unstable();
    // What the initial cycle left the system to write is not what changes cost.
    std::fs::File::open(database(folder))?.sync_all()?;
    let mut spent = Processors::default();
    let changed = after_changes(&world, &job, &memory, (users, changes, 0), &mut spent).await?;
    memory.faults().always(&[Method::Read, Method::Update], Fault::Slow(ANSWER));
    let mut unused = Processors::default();
    let slow = after_changes(&world, &job, &memory, (users, changes, CHANGED), &mut unused).await?;
    Ok(Cycles {
        objects: count(objects),
        references: count(references),
        initial_seconds,
        initial_requests: count(usize::try_from(requests)?),
        write_p99_ms,
        idle_median_ms: idle.get(IDLE / 2).copied().map_or(0.0, millis),
        idle_slowest_ms: idle.last().copied().map_or(0.0, millis),
        changes_slow_target_ms: slow.get(CHANGED / 2).copied().map_or(0.0, millis),
        changes_median_ms: changed.get(CHANGED / 2).copied().map_or(0.0, millis),
        changes_slowest_ms: changed.last().copied().map_or(0.0, millis),
        change_all_seconds: spent.all / count(CHANGED * changes),
        change_writing_seconds: spent.writing / count(CHANGED * changes),
    })
}

/// Cycles after so many changes each, from a round on, from the fastest to the slowest.
async fn after_changes(
    world: &World,
    job: &Job,
    target: &MemoryTarget,
    (users, changes, round): (usize, usize, usize),
    spent: &mut Processors,
) -> Result<Vec<Duration>, Failure> {
    let mut changed = Vec::with_capacity(CHANGED);
    for round in round..round + CHANGED {
        change(&world.directory, users, changes, round).await?;
        let (before, began) = (target.calls().total(), Processors::now()?);
        changed.push(cycle(world, job).await?);
        spent.add(&began, &Processors::now()?);
        if target.calls().total() < before + 2 * u64::try_from(changes)? {
            return Err("the cycle after the changes did not read and update every changed user".into());
        }
    }
    changed.sort_unstable();
    Ok(changed)
}

async fn cycle(world: &World, job: &Job) -> Result<Duration, Failure> {
    let begin = Instant::now();
    match world.engine.run_to_end(job).await? {
        CycleEnd::Completed => Ok(begin.elapsed()),
        other => Err(format!("the cycle ended otherwise than it should: {other:?}").into()),
    }
}

/// Managers and members at the target.
fn references(target: &MemoryTarget) -> usize {
    let [(users, _), (groups, _)] = UNIQUE;
    let manager = format!("{users}:manager");
    let managed = target.objects(users).iter().filter(|user| !user.get(&manager).is_null()).count();
    let members =
        target.objects(groups).into_iter().map(|group| target.references(&group.anchor, "members").len());
    managed + members.sum::<usize>()
}

/// Gives every so manyth user another title, in each round others as far as there are so many.
async fn change(
    directory: &TenantDirectory,
    users: usize,
    changes: usize,
    round: usize,
) -> Result<(), Failure> {
    let ids = user_ids(users);
    let apart = (users / changes).max(1);
    for (number, id) in ids.iter().skip(round % apart).step_by(apart).take(changes).enumerate() {
        let title: Map<String, Json> =
            [("jobTitle".to_owned(), format!("Title {number} of {round}").into())].into_iter().collect();
        directory.patch(ObjectKind::User, *id, None, title).await?;
    }
    Ok(())
}

/// Somebody who writes to the directory all the time.
struct Writer(JoinHandle<Result<Vec<Duration>, String>>, tokio::sync::oneshot::Sender<()>);

impl Writer {
    async fn start(directory: &TenantDirectory) -> Result<Self, Failure> {
        let named = [("displayName".to_owned(), Json::from("Written to"))].into_iter().collect();
        let application = directory.create_application(named).await?;
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let directory = directory.clone();
        let task = tokio::spawn(async move {
            let mut waits = Vec::new();
            while let Err(tokio::sync::oneshot::error::TryRecvError::Empty) = stopped.try_recv() {
                let begin = Instant::now();
                write(&directory, application.id, waits.len()).await.map_err(|error| error.to_string())?;
                waits.push(begin.elapsed());
                tokio::time::sleep(WRITE_PAUSE).await;
            }
            Ok(waits)
        });
        Ok(Self(task, stop))
    }

    /// The wait, in milliseconds, that 99 of 100 writes did not exceed.
    async fn stop(self) -> Result<f64, Failure> {
        // Fails only where the task has ended by itself, which its outcome tells.
        let _ = self.1.send(());
        let mut waits = self.0.await??;
        waits.sort_unstable();
        Ok(waits.get(waits.len() * 99 / 100).or(waits.last()).copied().map_or(0.0, millis))
    }
}

async fn write(
    directory: &TenantDirectory,
    application: Uuid,
    number: usize,
) -> Result<(), directory::DirectoryError> {
    let note = [("notes".to_owned(), format!("Note {number}").into())].into_iter().collect();
    directory.patch(ObjectKind::Application, application, None, note).await?;
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
fn count(count: usize) -> f64 {
    count as f64
}

/// Seconds of processors that this process took so far. Unlike seconds of the clock they say the same on a machine that
/// others work on too.
#[derive(Default)]
struct Processors {
    all: f64,
    /// Those of the thread that writes the database.
    writing: f64,
}

impl Processors {
    fn now() -> Result<Self, Failure> {
        let mut taken = Self { all: 0.0, writing: 0.0 };
        for thread in std::fs::read_dir("/proc/self/task")? {
            let thread = thread?.path();
            let times = std::fs::read_to_string(thread.join("schedstat"))?;
            let nanoseconds: f64 = times.split(' ').next().unwrap_or_default().parse()?;
            taken.all += nanoseconds / 1e9;
            if std::fs::read_to_string(thread.join("comm"))?.trim() == "store-writer" {
                taken.writing += nanoseconds / 1e9;
            }
        }
        Ok(taken)
    }

    /// Adds what was taken between two moments.
    fn add(&mut self, from: &Self, to: &Self) {
        self.all += to.all - from.all;
        self.writing += to.writing - from.writing;
    }
}

/// The most memory that this process ever had.
fn peak_mib() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .ok_or("no VmHWM in /proc/self/status")?
        .parse()?;
    Ok(kib / 1024.0)
}
