//! The SCIM 2.0 service `/scim/v2` on the embedded directory (RFC 7643, RFC 7644).

mod authenticate;
