//! What is read, and what is refused.

use super::*;

fn configuration(secrets: &[(&str, &str)], settings: &[(&str, &str)]) -> Configuration {
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    Configuration {
        tenant: model::TenantId(model::Uuid::nil()),
        service_principal: model::ServicePrincipalId(model::Uuid::nil()),
        job: None,
        secrets: owned(secrets).into_iter().collect::<Secrets>(),
        settings: owned(settings),
        nested_groups: false,
    }
}

#[test]
fn what_is_given_is_read() {
    let secrets = [("BaseAddress", " https://Example.com:8443/scim/v2/ "), ("SecretToken", "t0ken")];
    let read =
        ScimConfiguration::read(&configuration(&secrets, &[("PageSize", "50"), ("RequestTimeout", "PT5S")]))
            .unwrap();
    assert_eq!(read.base.as_str(), "https://example.com:8443/scim/v2");
    assert_eq!(read.authorization, Authorization::Bearer("t0ken".to_owned()));
    assert_eq!((read.page_size, read.member_chunk_size), (50, 100));
    assert_eq!(read.request_timeout, Duration::from_secs(5));
    assert!(!format!("{read:?}").contains("t0ken"));
    let secrets = [("BaseAddress", "http://127.0.0.1"), ("UserName", "u"), ("Password", "p")];
    let read = ScimConfiguration::read(&configuration(&secrets, &[])).unwrap();
    assert_eq!(
        read.authorization,
        Authorization::Basic { user_name: "u".to_owned(), password: "p".to_owned() }
    );
    let read = ScimConfiguration::read(&configuration(&[("BaseAddress", "http://h/x")], &[])).unwrap();
    assert_eq!(read.authorization, Authorization::None);
}

type Pairs<'a> = &'a [(&'a str, &'a str)];

#[test]
fn what_is_wrong_is_named() {
    let good = ("BaseAddress", "https://h");
    let cases: &[(Pairs<'_>, Pairs<'_>, &str, bool)] = &[
        (&[], &[], "BaseAddress", true),
        (&[("BaseAddress", " ")], &[], "BaseAddress", true),
        (&[("BaseAddress", "example.com/scim")], &[], "BaseAddress", false),
        (&[("BaseAddress", "ftp://h")], &[], "BaseAddress", false),
        (&[("BaseAddress", "https://u:p@h")], &[], "BaseAddress", false),
        (&[("BaseAddress", "https://h?aadOptscim062020=maybe")], &[], "BaseAddress", false),
        (&[("BaseAddress", "https://h?aadOptscim062020&AzureAdScimPatch2017")], &[], "BaseAddress", false),
        (&[("BaseAddress", "https://h#x")], &[], "BaseAddress", false),
        (&[good, ("SecretToken", "a b")], &[], "SecretToken", false),
        (&[good, ("UserName", "u")], &[], "Password", true),
        (&[good, ("Password", "p")], &[], "UserName", true),
        (&[good, ("UserName", "u:v"), ("Password", "p")], &[], "UserName", false),
        (&[good], &[("PageSize", "0")], "PageSize", false),
        (&[good], &[("RequestTimeout", "1 day")], "RequestTimeout", false),
        (&[good], &[("ScimPatchProfile", "other")], "ScimPatchProfile", false),
        (&[good], &[("PageSise", "1")], "PageSise", false),
    ];
    for &(secrets, settings, key, missing) in cases {
        let error = ScimConfiguration::read(&configuration(secrets, settings)).unwrap_err();
        assert_eq!((error.key.as_str(), error.missing), (key, missing), "{error}");
    }
}
