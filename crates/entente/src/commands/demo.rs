//! `entente demo`: a sample organization, provisioned while one watches.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use model::{Clock as _, Entropy as _, SystemClock, SystemEntropy, TenantId};
use reqwest::Method;
use serde_json::json;
use store::Tenant;

use crate::client::{Graph, id_of};
use crate::commands::serve::{self, Signals};
use crate::configuration::{Configuration, Listen};
use crate::data_dir::DataDir;
use crate::demo::fill::{self, Filled};
use crate::demo::job::Job;
use crate::demo::organization::{DOMAIN, Lots, Organization, person};
use crate::demo::report::{self, Names};
use crate::installation::{Installation, Time};
use crate::listening::{self, Listening};
use crate::log;

/// Tokens for the sample application are renewed so often while the demo is left running.
const RENEWAL: Duration = Duration::from_mins(40);
/// People and groups that the changes need.
const FEWEST: usize = 10;

#[derive(Args)]
#[command(after_help = "Examples:
  entente demo
  entente demo --users 5000 --exit")]
pub(crate) struct Arguments {
    /// How many people the sample organization has.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    users: u32,
    /// End when everything was shown, in place of leaving the service running.
    #[arg(long)]
    exit: bool,
    /// Keep everything in this folder, which must not be in use yet; a temporary one where none is named.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let temporary = tempfile::Builder::new().prefix("entente-demo-").tempdir()?;
    let configuration = Configuration {
        data_dir: arguments.data_dir.clone().unwrap_or_else(|| temporary.path().join("data")),
        listen: Listen { host: "127.0.0.1".to_owned(), port: 0 },
        log: "warn".to_owned(),
        ..Configuration::default()
    };
    if configuration.database_file().exists() {
        bail!(
            "{} holds a database already: choose an empty folder for the demo",
            configuration.data_dir.display()
        );
    }
    log::start(&configuration);
    serve::to_the_end(show(&configuration, arguments))
}

async fn show(configuration: &Configuration, arguments: &Arguments) -> Result<()> {
    let mut signals = Signals::listen()?;
    let data = DataDir::open(&configuration.data_dir)?;
    let installation = Installation::open(configuration, &data, Time::system()).await?;
    installation.engine.start().await?;
    let listening = Listening::start(
        listening::bind(&configuration.listen)?,
        None,
        installation.router(),
        &listening::limits(),
    )?;
    let address = listening.address.clone();
    println!("Entente {} at {address}", env!("CARGO_PKG_VERSION"));
    println!("Everything below goes through its Graph API, as any client would do it.\n");
    let work = async {
        let source = tenant(&installation, &address, "Larkfield", DOMAIN).await?;
        let target = tenant(&installation, &address, "Sample application", "app.example").await?;
        let job = play(&source, &target, usize::try_from(arguments.users)?).await?;
        if !arguments.exit {
            leave_running(&source, &target, &job).await?;
        }
        Ok(())
    };
    // Ctrl-C ends it at any time.
    let outcome = tokio::select! {
        outcome = work => outcome,
        () = signals.came() => Ok(()),
    };
    tokio::join!(listening.end(), installation.shutdown());
    outcome
}

/// A tenant with its client.
async fn tenant(installation: &Installation, address: &str, name: &str, domain: &str) -> Result<Graph> {
    let tenant = Tenant {
        id: TenantId(SystemEntropy.uuid()),
        display_name: name.to_owned(),
        domain: domain.to_owned(),
        created: SystemClock.now(),
    };
    let client = installation.client(tenant, None, None).await?;
    let secret = client.secret.ok_or_else(|| anyhow!("the tenant has a client already"))?;
    Graph::new(address, client.tenant.to_string(), client.id, secret)
}

fn scim(graph: &Graph) -> String {
    format!("{}/scim/v2", graph.address)
}

async fn play<'g>(source: &'g Graph, target: &Graph, users: usize) -> Result<Job<'g>> {
    let organization = Organization::sample(users.max(FEWEST));
    println!(
        "1. A sample organization: {} people with managers, {} groups",
        organization.people.len(),
        organization.groups.len()
    );
    let filled = fill::fill(source, &organization).await?;

    println!("\n2. A job from the template `scim`, into another tenant's SCIM service");
    let job = Job::create(source, &scim(target), &target.token().await?).await?;
    let cycle = job.start().await?;
    let records = job.log(&cycle).await?;
    println!("  {}\n{}", report::pace(&cycle, &records), report::counts(&records));
    let mut names = Names::default();
    names.learn(&records);
    let failed = cycle.count_escrowed;
    if failed > 0 {
        bail!("{failed} objects could not be provisioned; the table's last column counts them");
    }

    println!("\n3. A few changes");
    change(source, &organization, &filled).await?;
    let cycle = job.run().await?;
    let records = job.log(&cycle).await?;
    names.learn(&records);
    println!("  {}\n{}", report::pace(&cycle, &records), report::touched(&records, &names));
    Ok(job)
}

/// Renames one person, disables one, hires one, and moves one from a group to another.
async fn change(graph: &Graph, organization: &Organization, filled: &Filled) -> Result<()> {
    let begin = Instant::now();
    let id = |place: usize| filled.people.get(place).map(String::as_str).context("the person exists");
    let name = |place: usize| organization.people.get(place).map_or("", |person| person.name());
    let last = organization.people.len().saturating_sub(1);

    let renamed = format!("{} (on leave)", name(last));
    println!("  rename   {} to {renamed}", name(last));
    let body = json!({ "displayName": renamed });
    graph.send(Method::PATCH, &format!("/users/{}", id(last)?), &body).await?;

    let leaver = last.saturating_sub(1);
    println!("  disable  {}", name(leaver));
    let body = json!({ "accountEnabled": false });
    graph.send(Method::PATCH, &format!("/users/{}", id(leaver)?), &body).await?;

    let number = organization.people.len();
    let hired = person(number, &mut Lots::after(1 << 40));
    println!("  hire     {}", hired.name());
    let hired = id_of(&graph.post("/users", &fill::user(&hired)).await?)?;
    let manager = json!({ "@odata.id": fill::reference(graph, id(0)?) });
    graph.send(Method::PUT, &format!("/users/{hired}/manager/$ref"), &manager).await?;

    let [from, to, ..] = organization.groups.as_slice() else { bail!("two groups are needed") };
    let [from_id, to_id, ..] = filled.groups.as_slice() else { bail!("two groups are needed") };
    let mover = from.members.iter().copied().find(|one| !to.members.contains(one) && *one != leaver);
    let mover = mover.context("somebody can move")?;
    println!("  move     {} from {} to {}", name(mover), from.name(), to.name());
    let path = format!("/groups/{from_id}/members/{}/$ref", id(mover)?);
    graph.send(Method::DELETE, &path, &json!({})).await?;
    let member = json!({ "@odata.id": fill::reference(graph, id(mover)?) });
    graph.post(&format!("/groups/{to_id}/members/$ref"), &member).await?;
    tracing::debug!(elapsed = ?begin.elapsed(), "changes made");
    Ok(())
}

/// Says how to go on, and keeps the job's token fresh until the process is told to end.
async fn leave_running(source: &Graph, target: &Graph, job: &Job<'_>) -> Result<()> {
    job.set("TriggerOnChange", "true").await?;
    println!("\n4. It goes on: a change in the directory reaches the application within a second.");
    for (name, graph) in [("the organization", source), ("the application", target)] {
        println!(
            "\n  {name}\n    tenant id      {}\n    client id      {}\n    client secret  {}",
            graph.tenant, graph.client, graph.secret
        );
    }
    println!(
        "\n  A token:  curl -d grant_type=client_credentials -d client_id=… -d client_secret=… \\\n              \
         -d scope=https://graph.microsoft.com/.default {}/TENANT/oauth2/v2.0/token\n  \
         People:   curl -H \"Authorization: Bearer $TOKEN\" {}\n  Accounts: curl -H \"Authorization: Bearer $TOKEN\" {}/Users\n\n\
         Ctrl-C ends it and forgets everything.",
        source.address,
        source.url("/users"),
        scim(target)
    );
    loop {
        tokio::time::sleep(RENEWAL).await;
        job.put_secrets(&scim(target), &target.token().await?).await?;
    }
}
