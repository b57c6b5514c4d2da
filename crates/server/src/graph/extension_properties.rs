//! Directory extensions: properties that an application adds to users and groups, and to applications
//! (Graph `extensionProperty`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::{
    DirectoryError, DirectoryObject, EXTENSION_PROPERTIES, ExtensionProperty, ObjectKind, TenantDirectory,
};
use graph::GraphError;
use graph::collection::Page;
use graph::directory::is_extension;
use model::{Timestamp, Uuid};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::call::Call;
use super::error::ApiError;
use super::objects::wire_kind;
use super::permissions::{READ_APPLICATION, READ_DIRECTORY, WRITE_APPLICATION};
use super::reply::Reply;
use super::route::{Answer, Route};

const KIND: ObjectKind = ObjectKind::Application;
/// Declarations of one application.
const MOST: usize = 100;
/// Characters of a name, as documented.
const MOST_NAME: usize = 100;
/// Values of a property with several.
const MOST_VALUES: usize = 256;

const DATA_TYPES: [&str; 6] = ["Binary", "Boolean", "DateTime", "Integer", "LargeInteger", "String"];
const TARGETS: [&str; 6] = ["User", "Group", "AdministrativeUnit", "Application", "Device", "Organization"];

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("applications/{id}/extensionProperties", READ_APPLICATION, list),
        Route::post("applications/{id}/extensionProperties", WRITE_APPLICATION, create),
        Route::get("applications/{id}/extensionProperties/{property}", READ_APPLICATION, get),
        Route::delete("applications/{id}/extensionProperties/{property}", WRITE_APPLICATION, remove),
        Route::post("directoryObjects/getAvailableExtensionProperties", READ_DIRECTORY, available)
            .answering(&[200]),
    ]
}

/// The body of a POST.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewDeclaration {
    name: String,
    data_type: String,
    #[serde(default)]
    is_multi_valued: Option<bool>,
    target_objects: Vec<String>,
}

fn resource(declared: &ExtensionProperty, application: &DirectoryObject) -> Map<String, Json> {
    let resource = json!({
        "id": declared.id,
        "deletedDateTime": null,
        "appDisplayName": application.text("displayName"),
        "dataType": declared.data_type,
        "isMultiValued": declared.is_multi_valued,
        "isSyncedFromOnPremises": false,
        "name": declared.name,
        "targetObjects": declared.target_objects,
    });
    match resource {
        Json::Object(members) => members,
        _ => Map::new(),
    }
}

/// Refuses a value that is not of the declared type.
fn check(declared: &ExtensionProperty, value: &Json) -> Result<(), GraphError> {
    match (declared.is_multi_valued, value) {
        (_, Json::Null) => Ok(()),
        (true, Json::Array(values)) if values.len() <= MOST_VALUES => {
            values.iter().try_for_each(|value| check_one(declared, value))
        }
        (true, _) => {
            let mend = format!("Send an array of at most {MOST_VALUES} values.");
            Err(GraphError::invalid_property(&declared.name, &mend))
        }
        (false, value) => check_one(declared, value),
    }
}

fn check_one(declared: &ExtensionProperty, value: &Json) -> Result<(), GraphError> {
    let fits = match declared.data_type.as_str() {
        "Boolean" => value.is_boolean(),
        "Integer" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "LargeInteger" => value.is_i64(),
        "Binary" => value.as_str().is_some_and(|text| STANDARD.decode(text).is_ok()),
        "DateTime" => value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()),
        _ => value.is_string(),
    };
    if fits {
        return Ok(());
    }
    let mend = format!("It is declared as {}. Send a value of that type.", declared.data_type);
    Err(GraphError::invalid_property(&declared.name, &mend))
}

/// GET of the declarations of an application.
async fn list(call: Call) -> Answer {
    let application = call.object(KIND, "id").await?;
    let value: Vec<Json> = ExtensionProperty::of(&application)
        .iter()
        .map(|declaration| Json::Object(resource(declaration, &application)))
        .collect();
    let count = call.options.count.then_some(value.len() as u64);
    Ok(call.page(&context(&application), Page { value, count, ..Page::default() }))
}

fn context(application: &DirectoryObject) -> String {
    format!("applications('{}')/extensionProperties", application.id)
}

/// GET of one declaration.
async fn get(call: Call) -> Answer {
    let application = call.object(KIND, "id").await?;
    let declaration = find(&call, &application)?;
    let context = format!("{}/$entity", context(&application));
    Ok(Reply::ok(call.entity(&context, resource(&declaration, &application))))
}

/// The declaration that the path names.
fn find(call: &Call, application: &DirectoryObject) -> Result<ExtensionProperty, GraphError> {
    let id = call.id("property")?;
    let found = ExtensionProperty::of(application).into_iter().find(|declaration| declaration.id == id);
    found.ok_or_else(|| GraphError::not_found(&id.to_string()))
}

/// POST: one more declaration. Its whole name carries the application's id.
async fn create(call: Call) -> Answer {
    let new: NewDeclaration = call.read()?;
    let application = call.object(KIND, "id").await?;
    let app_id = application.text("appId").unwrap_or_default().replace('-', "");
    let declaration = ExtensionProperty {
        id: call.service().entropy.uuid(),
        name: format!("extension_{app_id}_{}", new.name),
        data_type: choice("dataType", &DATA_TYPES, &new.data_type)?,
        is_multi_valued: new.is_multi_valued.unwrap_or(false),
        target_objects: new
            .target_objects
            .iter()
            .map(|target| choice("targetObjects", &TARGETS, target))
            .collect::<Result<_, _>>()?,
    };
    if new.name.len() > MOST_NAME || !is_extension(&declaration.name) {
        let mend = format!("Send at most {MOST_NAME} letters, digits and underscores.");
        return Err(GraphError::invalid_property("name", &mend).into());
    }
    if declaration.target_objects.is_empty() {
        return Err(GraphError::missing_property("targetObjects").into());
    }
    let change = |properties: &mut Map<String, Json>| {
        let declared = properties.entry(EXTENSION_PROPERTIES).or_insert_with(|| Json::Array(Vec::new()));
        let Json::Array(declared) = declared else { return Ok(()) };
        let taken = declared.iter().any(|one| {
            let name = one.get("name").and_then(Json::as_str);
            name.is_some_and(|name| name.eq_ignore_ascii_case(&declaration.name))
        });
        if taken || declared.len() >= MOST {
            let reason = if taken {
                format!("is '{}', which the application has already", declaration.name)
            } else {
                format!("is one too many: an application declares at most {MOST}")
            };
            return Err(DirectoryError::Invalid { property: "name".into(), reason });
        }
        declared.push(json!(declaration));
        Ok(())
    };
    call.directory().modify(KIND, application.id, None, change).await?;
    let resource = resource(&declaration, &application);
    let new = Some(Json::Object(resource.clone()));
    call.audit("Add extension property", application.id.to_string(), None, new).await?;
    let path = format!("applications/{}/extensionProperties/{}", application.id, declaration.id);
    Ok(call.created(&path, &format!("{}/$entity", context(&application)), resource))
}

fn choice(property: &str, choices: &[&str], sent: &str) -> Result<String, GraphError> {
    let known = choices.iter().find(|choice| choice.eq_ignore_ascii_case(sent));
    known.map(|known| (*known).to_owned()).ok_or_else(|| {
        GraphError::invalid_property(property, &format!("Send one of: {}.", choices.join(", ")))
    })
}

/// DELETE of a declaration. Values that objects have stay, and cannot be written any more.
async fn remove(call: Call) -> Answer {
    let application = call.object(KIND, "id").await?;
    let declaration = find(&call, &application)?;
    let change = |properties: &mut Map<String, Json>| {
        if let Some(Json::Array(declared)) = properties.get_mut(EXTENSION_PROPERTIES) {
            declared.retain(|one| one.get("id") != Some(&json!(declaration.id)));
        }
        Ok(())
    };
    call.directory().modify(KIND, application.id, None, change).await?;
    let old = Some(Json::Object(resource(&declaration, &application)));
    call.audit("Delete extension property", application.id.to_string(), old, None).await?;
    Ok(Reply::no_content())
}

/// POST `getAvailableExtensionProperties`: the declarations of all applications. None of them comes from another
/// directory.
async fn available(call: Call) -> Answer {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Body {
        #[serde(default)]
        is_synced_from_on_premises: Option<bool>,
    }
    let Body { is_synced_from_on_premises } = call.read()?;
    let declared = match is_synced_from_on_premises {
        Some(true) => Vec::new(),
        _ => call.directory().extension_properties().await?,
    };
    let of =
        |(application, one): &(DirectoryObject, ExtensionProperty)| Json::Object(resource(one, application));
    let value = declared.iter().map(of).collect();
    Ok(call.page("Collection(extensionProperty)", Page { value, ..Page::default() }))
}

/// Refuses extensions that no application has declared for objects of this kind, and values of other types.
pub(crate) async fn check_extensions(
    directory: &TenantDirectory,
    kind: ObjectKind,
    properties: &Map<String, Json>,
) -> Result<(), ApiError> {
    let target = match kind {
        ObjectKind::User => "User",
        ObjectKind::Group => "Group",
        ObjectKind::Application => "Application",
        ObjectKind::ServicePrincipal => return Ok(()),
    };
    for (name, value) in properties.iter().filter(|(name, _)| is_extension(name)) {
        let app_id = name.split('_').nth(1).and_then(|id| Uuid::parse_str(id).ok()).unwrap_or_default();
        let application = directory.find_by(KIND, "appId", &app_id.to_string()).await?;
        let declared = application.iter().flat_map(ExtensionProperty::of).find(|one| one.name == *name);
        match declared.filter(|one| one.target_objects.iter().any(|known| known == target)) {
            Some(declaration) => check(&declaration, value)?,
            None => {
                return Err(GraphError::invalid_property(
                    name,
                    &format!(
                        "No application declares it for '{}'. Declare it by POST /applications/{{id}}/extensionProperties.",
                        wire_kind(kind).type_name()
                    ),
                )
                .into());
            }
        }
    }
    Ok(())
}
