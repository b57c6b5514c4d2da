//! What pages of the logs cost: one seek in an index, whatever there is before and beside them.

use model::provisioning::Action;
use model::{CycleId, JobId};

use super::*;

/// How SQLite goes about a statement.
fn plan(session: &Session<'_>, sql: &str, values: &[Sql]) -> Done<String> {
    let steps = session.all(&format!("EXPLAIN QUERY PLAN {sql}"), params_from_iter(values), |row| {
        Ok(row.get::<_, String>(3)?)
    })?;
    Ok(steps.join("; "))
}

fn queries() -> Vec<(ProvisioningQuery, &'static str)> {
    let all = ProvisioningQuery { limit: 10, ..ProvisioningQuery::default() };
    let of_job = ProvisioningQuery { job: Some(JobId::from_text("job")), ..all.clone() };
    let failed = ProvisioningQuery { outcome: Some(Outcome::Failure), ..all.clone() };
    let done = ProvisioningQuery { outcome: Some(Outcome::Success), ..all.clone() };
    let made =
        ProvisioningQuery { action: Some(Action::Create), cycle: Some(CycleId(Uuid::nil())), ..all.clone() };
    vec![
        (failed.clone(), "provisioning_trouble (tenant=? AND outcome=?"),
        (
            ProvisioningQuery { job: of_job.job.clone(), ..failed },
            "provisioning_trouble (tenant=? AND outcome=?",
        ),
        (ProvisioningQuery { outcome: done.outcome, ..of_job.clone() }, "provisioning_job (job=?"),
        (of_job, "provisioning_job (job=?"),
        (done, "provisioning_id (tenant=?"),
        (made, "provisioning_id (tenant=?"),
        (all, "provisioning_id (tenant=?"),
    ]
}

#[tokio::test]
async fn a_page_of_a_log_is_one_seek() {
    let store = SqliteStore::open_temporary().unwrap();
    let wrong: store::Result<Vec<String>> = store
        .write(|session| {
            session.intern("job")?;
            let mut wrong = Vec::new();
            let mut judge = |plan: String, index: &str, seek: &str| {
                let sorts = plan.contains("SCAN") || plan.contains("TEMP B-TREE");
                if sorts || !plan.contains(index) || !plan.contains(seek) {
                    wrong.push(plan);
                }
            };
            for (query, index) in queries() {
                for ascending in [false, true] {
                    for after in [None, Some(Uuid::from_u128(7))] {
                        let query = ProvisioningQuery { ascending, after, ..query.clone() };
                        let (mut built, _) = statement(session, 1, &query)?.unwrap();
                        built.sql.push_str(order(&query));
                        let seek = match after {
                            None => "",
                            Some(_) if ascending => " AND id>?)",
                            Some(_) => " AND id<?)",
                        };
                        judge(plan(session, &built.sql, &built.values)?, index, seek);
                    }
                }
            }
            Ok(wrong)
        })
        .await;
    assert_eq!(wrong.unwrap(), Vec::<String>::new());
}
