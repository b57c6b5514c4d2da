use expression::{Placement, check, from_source, to_source};
use model::schema::{AttributeMapping, ObjectMapping, Schema};

use super::*;

fn mappings(template: &Template) -> impl Iterator<Item = (&ObjectMapping, &AttributeMapping)> {
    let rules = template.schema.synchronization_rules.iter();
    let objects = rules.flat_map(|rule| &rule.object_mappings);
    objects.flat_map(|object| object.attribute_mappings.iter().map(move |mapping| (object, mapping)))
}

fn template(id: &str) -> Template {
    shipped().unwrap().into_iter().find(|template| template.id == id).unwrap()
}

#[test]
fn the_name_of_a_file_is_the_id_and_one_template_of_an_application_is_the_default() {
    let templates = shipped().unwrap();
    for ((name, _), template) in FILES.iter().zip(&templates) {
        assert_eq!(template.id, *name);
    }
    for application in applications() {
        let own = templates.iter().filter(|one| one.application_id.to_string() == application.id);
        assert_eq!(own.filter(|template| template.default).count(), 1, "{}", application.display_name);
    }
}

#[test]
fn a_schema_comes_back_equal_and_with_every_property_known() {
    for template in shipped().unwrap() {
        let text = serde_json::to_string(&template.schema).unwrap();
        assert_eq!(serde_json::from_str::<Schema>(&text).unwrap(), template.schema);
        assert!(template.schema.extra.is_empty());
        for (object, mapping) in mappings(&template) {
            assert!(object.extra.is_empty() && mapping.extra.is_empty(), "{}", mapping.target_attribute_name);
        }
    }
}

#[test]
fn every_directory_has_a_connector_and_every_rule_its_directories() {
    for template in shipped().unwrap() {
        for directory in &template.schema.directories {
            assert!(template.connector_of(&template.schema, &directory.name).is_some(), "{}", directory.name);
        }
        for rule in &template.schema.synchronization_rules {
            for name in [&rule.source_directory_name, &rule.target_directory_name] {
                assert!(template.schema.directory(name).is_some(), "{name}");
            }
        }
    }
}

#[test]
fn mappings_name_attributes_that_exist_and_expressions_that_work() {
    for template in shipped().unwrap() {
        let rule = &template.schema.synchronization_rules[0];
        let source = template.schema.directory(&rule.source_directory_name).unwrap();
        let target = template.schema.directory(&rule.target_directory_name).unwrap();
        for (object, mapping) in mappings(&template) {
            let name = &mapping.target_attribute_name;
            let definition = target.object(&object.target_object_name).unwrap();
            assert!(definition.attribute(name).is_some(), "the target has no {name}");
            let written = mapping.source.as_ref().unwrap();
            let tree = from_source(written).unwrap_or_else(|error| panic!("{name}: {error}"));
            let placement =
                Placement { flow_type: mapping.flow_type, matching: mapping.matching_priority > 0 };
            check(&tree, source.object(&object.source_object_name).unwrap(), placement)
                .unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
            assert_eq!(to_source(&tree), *written, "{name}: the tree and its text differ");
        }
    }
}

#[test]
fn the_default_mappings_are_the_published_ones() {
    let template = template("scim");
    let shown: Vec<String> = mappings(&template)
        .map(|(object, mapping)| {
            let expression = mapping.source.as_ref().and_then(|source| source.expression.as_deref()).unwrap();
            let matching = if mapping.matching_priority > 0 { " (matching)" } else { "" };
            let target = mapping.target_attribute_name.rsplit("2.0:").next().unwrap();
            format!("{}: {expression} -> {target}{matching}", object.source_object_name)
        })
        .collect();
    assert_eq!(shown, PUBLISHED);
}

const PUBLISHED: [&str; 25] = [
    "User: [userPrincipalName] -> userName (matching)",
    r#"User: Switch([IsSoftDeleted], , "False", "True", "True", "False") -> active"#,
    "User: [displayName] -> displayName",
    "User: [jobTitle] -> title",
    r#"User: [mail] -> emails[type eq "work"].value"#,
    "User: [preferredLanguage] -> preferredLanguage",
    "User: [givenName] -> name.givenName",
    "User: [surname] -> name.familyName",
    r#"User: Join(" ", [givenName], [surname]) -> name.formatted"#,
    r#"User: [physicalDeliveryOfficeName] -> addresses[type eq "work"].formatted"#,
    r#"User: [streetAddress] -> addresses[type eq "work"].streetAddress"#,
    r#"User: [city] -> addresses[type eq "work"].locality"#,
    r#"User: [state] -> addresses[type eq "work"].region"#,
    r#"User: [postalCode] -> addresses[type eq "work"].postalCode"#,
    r#"User: [country] -> addresses[type eq "work"].country"#,
    r#"User: [telephoneNumber] -> phoneNumbers[type eq "work"].value"#,
    r#"User: [mobile] -> phoneNumbers[type eq "mobile"].value"#,
    r#"User: [facsimileTelephoneNumber] -> phoneNumbers[type eq "fax"].value"#,
    "User: [mailNickname] -> externalId",
    "User: [employeeId] -> User:employeeNumber",
    "User: [department] -> User:department",
    "User: [manager] -> User:manager",
    "Group: [displayName] -> displayName (matching)",
    "Group: [objectId] -> externalId",
    "Group: [members] -> members",
];

#[test]
fn both_scim_templates_begin_with_the_same_schema() {
    assert_eq!(template("scim").schema, template("customappsso").schema);
}

#[test]
fn directories_are_as_their_connectors_describe_them() {
    for template in shipped().unwrap() {
        let described = connector_directory::definition();
        let written = template.schema.directory(connector_directory::DIRECTORY_NAME).unwrap();
        assert_eq!(*written, described, "{}", template.id);
    }
    let uploads = template("API2AAD").schema;
    let written = uploads.directory(connector_inbound::DIRECTORY_NAME).unwrap();
    assert_eq!(*written, connector_inbound::definition());
}

/// What is uploaded makes and changes accounts, found by `employeeId`; nothing is ever deleted.
#[test]
fn uploads_are_mapped_to_the_embedded_directory() {
    let template = template("API2AAD");
    let matching: Vec<&str> = mappings(&template)
        .filter(|(_, mapping)| mapping.matching_priority > 0)
        .map(|(_, mapping)| mapping.target_attribute_name.as_str())
        .collect();
    assert_eq!(matching, ["employeeId"]);
    let (object, _) = mappings(&template).next().unwrap();
    assert_eq!(serde_json::to_value(object.flow_types).unwrap(), "Add, Update");
    let clears = mappings(&template).any(|(_, mapping)| mapping.extra.contains_key("flowNullValues"));
    assert!(!clears, "nothing is cleared by being left out");
}
