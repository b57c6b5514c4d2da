//! POST `provisionOnDemand`: one object now, or a group with some of its members.

use engine::{Demand, Subject};
use graph::GraphError;
use graph::synchronization::requests::{JobSubject, LinkedObjects, ProvisionOnDemand};
use graph::synchronization::{ProvisioningObjectSummary, StringPair};
use model::Anchor;
use serde_json::{Value as Json, json};

use super::error::INVALID_PARAMETER;
use crate::graph::audit_logs::Known;
use crate::graph::call::Call;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// Members, or owners, that a group may bring.
const MOST_LINKED: usize = 5;
/// Octets of an object's id.
const LONGEST_ID: usize = 2048;

/// POST `provisionOnDemand`. What cannot be done with the object is a result; an error is what cannot be asked.
pub(super) async fn provision(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let demand = demand(call.read()?)?;
    let asked = json!({ "ruleId": demand.rule, "objectId": demand.subject.anchor });
    let done = call.service().engine.provision_on_demand(&job, demand).await?;
    call.audit("Provision on demand", job.id.to_string(), None, Some(asked)).await?;
    let mut known = Known::new(&call);
    let around = known.of(&job.id).await?;
    let summary = |record| ProvisioningObjectSummary::of(&job.id, record, around);
    let linked: Vec<_> = done.linked.iter().map(summary).collect();
    let pair = StringPair::on_demand(&summary(&done.record), done.began, &linked);
    let Json::Object(pair) = json!(pair) else { return Err(GraphError::internal().into()) };
    Ok(Reply::ok(call.entity("microsoft.graph.stringKeyStringValuePair", pair)))
}

fn demand(request: ProvisionOnDemand) -> Result<Demand, GraphError> {
    let mut parameters = request.parameters.into_iter();
    let (Some(one), None) = (parameters.next(), parameters.next()) else {
        return Err(invalid("parameters", "Send one element, with one rule and one subject."));
    };
    let mut subjects = one.subjects.into_iter();
    let (Some(asked), None) = (subjects.next(), subjects.next()) else {
        return Err(invalid("parameters/subjects", "Send one subject."));
    };
    let LinkedObjects { manager, members, owners } = asked.links.clone().unwrap_or_default();
    let mut linked = Vec::new();
    for (property, objects) in [("members", members), ("owners", owners)] {
        let objects = objects.unwrap_or_default();
        if objects.len() > MOST_LINKED {
            let mend = format!("Send at most {MOST_LINKED}.");
            return Err(invalid(&format!("parameters/subjects/links/{property}"), &mend));
        }
        linked.extend(objects);
    }
    linked.extend(manager.map(|manager| *manager));
    let linked = linked.into_iter().map(subject).collect::<Result<_, _>>()?;
    Ok(Demand { rule: one.rule_id.into(), subject: subject(asked)?, linked })
}

fn subject(asked: JobSubject) -> Result<Subject, GraphError> {
    if asked.object_id.trim().is_empty() || asked.object_id.len() > LONGEST_ID {
        return Err(invalid("objectId", "Send the object's id at the source."));
    }
    Ok(Subject { anchor: Anchor::new(asked.object_id), kind: asked.object_type_name.into() })
}

fn invalid(parameter: &str, mend: &str) -> GraphError {
    let message = format!("The parameter '{parameter}' is of no use as it is. {mend}");
    GraphError::new(400, INVALID_PARAMETER, message).with_detail("InvalidValue", parameter, mend)
}
