//! The shapes of the resources that the reference documents: every property with its type.

use serde_json::{Value as Json, json};

use super::shape::{nullable, within};

/// The types of attributes.
const TYPES: &str = "String|Integer|Reference|Binary|Boolean|DateTime";

/// An answer of one resource.
pub(super) fn entity(mut shape: Json) -> Json {
    shape["@odata.context"] = json!("text");
    shape
}

/// An answer of a collection.
pub(super) fn collection(shape: &Json) -> Json {
    json!({"@odata.context": "text", "value": [shape]})
}

fn pair() -> Json {
    json!({"key": "text", "value": "text?"})
}

pub(super) fn secret() -> Json {
    pair()
}

pub(super) fn job() -> Json {
    let error = nullable(&json!({"code": "text", "message": "text", "tenantActionable": "flag"}));
    let execution = nullable(&json!({
        "activityIdentifier": "text", "countEntitled": "number", "countEntitledForProvisioning": "number",
        "countEscrowed": "number", "countEscrowedRaw": "number", "countExported": "number",
        "countExports": "number", "countImported": "number", "countImportedDeltas": "number",
        "countImportedReferenceDeltas": "number", "error": error, "state": "Succeeded|Failed|EntryLevelErrors",
        "timeBegan": "moment", "timeEnded": "moment",
    }));
    let reason = "EncounteredBaseEscrowThreshold|EncounteredTotalEscrowThreshold|EncounteredEscrowProportionThreshold\
                  |EncounteredQuarantineException|QuarantinedOnDemand|TooManyDeletes|IngestionInterrupted|Unknown";
    let quarantine = json!({
        "currentBegan": "moment", "error": error, "nextAttempt": "moment", "reason": reason, "seriesBegan": "moment",
        "seriesCount": "number",
    });
    let progress = json!({
        "completedUnits": "number", "progressObservationDateTime": "moment", "totalUnits": "number", "units": "text",
    });
    json!({
        "id": "text", "templateId": "text",
        "schedule": {"expiration": "moment?", "interval": "duration", "state": "Active|Disabled|Paused"},
        "status": {
            "countSuccessiveCompleteFailures": "number", "escrowsPruned": "flag",
            "synchronizedEntryCountByType": [{"key": "text", "value": "number"}],
            "code": "NotConfigured|NotRun|Active|Paused|Quarantine",
            "lastExecution": execution, "lastSuccessfulExecution": execution,
            "lastSuccessfulExecutionWithExports": execution,
            "progress": [progress], "quarantine": nullable(&quarantine), "steadyStateFirstAchievedTime": "moment",
            "steadyStateLastAchievedTime": "moment", "troubleshootingUrl": "text?",
        },
        "synchronizationJobSettings": [{"name": "text", "value": "text"}],
    })
}

pub(super) fn template() -> Json {
    json!({
        "id": "text", "applicationId": "guid", "default": "flag", "description": "text?", "discoverable": "flag",
        "factoryTag": "text", "metadata": [pair()], "schema": schema(),
    })
}

pub(super) fn directory() -> Json {
    let referenced = json!({"referencedObjectName": "text?", "referencedProperty?": "text?"});
    let attribute = json!({
        "name": "text", "anchor": "flag", "apiExpressions?": [pair()], "caseExact": "flag", "defaultValue?": "text?",
        "flowNullValues?": "flag", "metadata": [pair()], "multivalued": "flag",
        "mutability": "ReadWrite|ReadOnly|Immutable|WriteOnly", "referencedObjects": [referenced],
        "required": "flag", "type": TYPES,
    });
    json!({
        "id": "text", "name": "text", "discoverabilities?":
            "None|AttributeNames|AttributeDataTypes|AttributeReadOnly|ReferenceAttributes",
        "discoveryDateTime?": "moment?", "version?": "text?", "readOnly?": "flag",
        "objects": [{
            "name": "text", "metadata": [pair()], "supportedApis?": ["text"], "attributes": [attribute],
        }],
    })
}

/// A directory that was discovered.
pub(super) fn discovered() -> Json {
    let mut directory = directory();
    let members = directory.as_object_mut().unwrap();
    for (name, kind) in
        [("discoverabilities", None), ("discoveryDateTime", Some("moment")), ("version", Some("text"))]
    {
        let known = members.remove(&format!("{name}?")).unwrap();
        members.insert(name.to_owned(), kind.map_or(known, Json::from));
    }
    directory
}

/// An attribute, a constant or a function with its parameters, to some depth.
fn source(depth: usize) -> Json {
    let parameter =
        if depth == 0 { json!("text") } else { json!({"key": "text", "value": source(depth - 1)}) };
    json!({"expression": "text?", "name": "text?", "type": "Attribute|Constant|Function", "parameters": [parameter]})
}

pub(super) fn schema() -> Json {
    let clause = json!({
        "operatorName": "text", "sourceOperandName": "text", "targetOperand": nullable(&json!({"values": ["text"]})),
    });
    let groups = json!([{"name": "text?", "clauses": [clause]}]);
    let scope = json!({"groups": groups, "categoryFilterGroups": groups, "inputFilterGroups": groups});
    let mapping = json!({
        "defaultValue?": "text?", "exportMissingReferences": "flag", "flowBehavior": "FlowWhenChanged|FlowAlways",
        "flowType": "Always|ObjectAddOnly|MultiValueAddOnly|ValueAddOnly|AttributeAddOnly",
        "matchingPriority": "number", "source": source(3), "targetAttributeName": "text",
    });
    let object = json!({
        "enabled": "flag", "flowTypes": "Add|Update|Delete", "metadata": [pair()], "name": "text?",
        "scope": nullable(&scope), "sourceObjectName": "text", "targetObjectName": "text",
        "attributeMappings": [mapping],
    });
    json!({
        "id": "text", "version?": "text", "directories": [directory()],
        "synchronizationRules": [{
            "id": "text", "name": "text", "priority": "number", "editable": "flag", "metadata": [pair()],
            "sourceDirectoryName": "text", "targetDirectoryName": "text", "objectMappings": [object],
            "containerFilter?": nullable(&json!({"includedContainers": ["text"]})),
            "groupFilter?": nullable(&json!({"includedGroups": ["text"]})),
        }],
    })
}

pub(super) fn function() -> Json {
    let parameter =
        json!({"allowMultipleOccurrences": "flag", "name": "text", "required": "flag", "type": TYPES});
    json!({"id": "text", "name": "text", "parameters": [parameter]})
}

pub(super) fn operator() -> Json {
    json!({
        "id": "text", "name": "text", "arity": "Binary|Unary", "multivaluedComparisonType": "All|Any",
        "supportedAttributeTypes": [TYPES],
    })
}

/// What an expression looks like after it was parsed.
pub(super) fn parsed() -> Json {
    let detail = json!({"code": "text", "message": "text", "target": "text?"});
    let error = json!({
        "code": "text", "message": "text", "target": "text?", "details": [detail],
        "innerError": nullable(&json!({"code": "text", "details": [detail], "message": "text", "target": "text?"})),
    });
    json!({
        "error": nullable(&error), "parsingSucceeded": "flag", "evaluationSucceeded": "flag",
        "evaluationResult": ["text"], "parsedExpression": nullable(&source(3)),
    })
}

pub(super) fn connection() -> Json {
    json!({
        "objectId": "text", "sourceAnchor": "text", "targetAnchor": "text", "displayName": "text?",
        "objectTypeName": "text",
    })
}

/// What was done on demand: a pair of JSON texts.
pub(super) fn on_demand() -> Json {
    let result = json!({"result": "Success|Failure|Skipped|Warning", "details": "details"});
    let mut told = told_on_demand();
    // The members that were asked for with a group; the reference leaves its answer out.
    told["linkedObjects?"] = json!([told_on_demand()]);
    json!({"key": within(&result), "value": within(&told)})
}

/// What the provisioning log tells, in a form of its own.
fn told_on_demand() -> Json {
    let identity = json!({"id": "text?", "type": "text?", "displayName": "text?", "details": "details?"});
    let system = json!({"id": "text?", "name": "text", "details": "details?"});
    let outcome = "Success|Warning|Failure|Skipped";
    json!({
        "action": "Create|Update|Delete|StagedDelete|Disable|Other", "changeId": "text", "startTime": "moment",
        "endTime": "moment", "reportableIdentifier": "text?",
        "modifiedProperties": [{"displayName": "text", "oldValue": "text?", "newValue": "text?"}],
        "provisioningSteps": [{
            "name": "text", "type": "Import|Scoping|Matching|Processing|Export|ReferenceResolution",
            "status": outcome, "description": "text", "timestamp": "moment", "details": "details?",
        }],
        "statusInfo": {
            "status": outcome, "errorCode": "text?", "reason": "text?", "additionalDetails": "text?",
            "errorCategory": "text?", "recommendedAction": "text?",
        },
        "sourceIdentity": identity, "sourceSystem": system, "targetIdentity": identity, "targetSystem": system,
    })
}

/// A record of the provisioning log.
pub(super) fn provisioned() -> Json {
    let identity = json!({"id": "text", "displayName": "text", "identityType": "text", "details": "details"});
    let system = json!({"id": "text", "displayName": "text", "details": "details"});
    let error = json!({
        "errorCode": "text", "reason": "text", "additionalDetails": "text?",
        "errorCategory": "failure|nonServiceFailure|success", "recommendedAction": "text?",
    });
    let outcome = "success|warning|failure|skipped";
    json!({
        "id": "text", "activityDateTime": "moment", "tenantId": "text", "jobId": "text", "cycleId": "text",
        "changeId": "text", "provisioningAction": "create|update|delete|stagedDelete|disable|other",
        "durationInMilliseconds": "number",
        "provisioningStatusInfo": {"status": outcome, "errorInformation": nullable(&error)},
        "provisioningSteps": [{
            "name": "text", "status": outcome, "description": "text", "details": "details",
            "provisioningStepType": "import|scoping|matching|processing|referenceResolution|export",
        }],
        "modifiedProperties": [{"displayName": "text", "oldValue": "text?", "newValue": "text?"}],
        "servicePrincipal": {"id": "text", "displayName": "text"},
        "sourceSystem": system, "targetSystem": system,
        "initiatedBy": {"id": "text", "displayName": "text", "initiatorType": "user|application|system"},
        "sourceIdentity": identity, "targetIdentity": identity,
    })
}

/// A record of the audit log.
pub(super) fn audit(version: &str) -> Json {
    let app = json!({
        "appId": "text?", "displayName": "text?", "servicePrincipalId": "text?", "servicePrincipalName": "text?",
    });
    let user =
        json!({"id": "text", "displayName": "text?", "userPrincipalName": "text?", "ipAddress": "text?"});
    let mut audit = json!({
        "id": "text", "category": "text", "correlationId": "guid", "result": "success|failure|timeout",
        "resultReason": "text", "activityDisplayName": "text", "activityDateTime": "moment",
        "loggedByService": "text", "operationType": "text",
        "initiatedBy": {"app": nullable(&app), "user": nullable(&user)},
        "targetResources": [{
            "id": "text", "displayName": "text?", "type": "text", "userPrincipalName": "text?", "groupType": "text?",
            "modifiedProperties": [{"displayName": "text", "oldValue": "text?", "newValue": "text?"}],
        }],
        "additionalDetails": [pair()],
    });
    if version == "beta" {
        audit["userAgent"] = json!("text?");
    }
    audit
}
