//! What MUST hold of every store, as functions that panic where it does not.
//!
//! A store's own tests run them all with the `store_suite!` macro, or one by one; each makes a tenant of its own, so that all
//! can run on one database. Moments are given in whole microseconds, which is what stores keep.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "what does not hold is told by panicking"
)]

pub mod claims;
pub mod commits;
pub mod correlations;
pub mod directory;
mod edge_model;
pub mod edges;
pub mod entitlement;
mod fixture;
pub mod hints;
pub mod jobs;
pub mod lists;
pub mod logs;
pub mod matching;
pub mod notices;
pub mod plans;
pub mod policies;
pub mod random_edges;
pub mod tenants;
pub mod uploads;
pub mod vault;
pub mod waiting;

pub use edges::want;
pub use fixture::{Fixture, at, entry, id, link, linked, record};

/// Makes one test of every function of the suite, on the store that an expression gives (`SharedStore`, made anew for
/// each; `tokio`'s test attribute must be in reach).
#[macro_export]
macro_rules! store_suite {
    ($store:expr) => {
        $crate::store_suite! { @modules $store;
            tenants {
                tenants_are_told_apart, values_of_the_installation_are_set_once, secrets_are_replaced_whole,
                what_others_changed_is_not_exchanged
            }
            vault { secrets_are_sealed_and_bound, another_key_is_refused, no_change_of_secrets_is_lost }
            jobs {
                jobs_are_found_by_tenant_and_owner, schemas_are_versioned, templates_belong_to_an_application,
                a_lease_is_held_by_one, executions_come_newest_first, a_removed_job_leaves_its_log
            }
            commits {
                entries_come_back_whole, links_are_paged_by_rule_and_source, what_a_full_read_did_not_see_is_found,
                an_account_belongs_to_one_source_object, counts_follow_every_write, a_stale_fence_writes_nothing,
                a_commit_that_fails_leaves_nothing, jobs_do_not_see_each_other, links_are_cleared
            }
            edges {
                wanted_edges_are_due_once_both_ends_are_linked, unwanted_edges_are_removed_or_due,
                sweeping_unwants_what_an_enumeration_did_not_see, retries_wait, edges_are_given_up, exported_edges_rest,
                failing_edges_are_counted,
                links_that_change_make_edges_due, accounts_that_pass_to_others_are_removed,
                a_value_that_was_replaced_is_not_removed, removed_owners_take_their_edges_along,
                reset_edges_are_exported_anew, the_lowest_rule_tells_the_target, due_edges_are_grouped,
                edges_are_found_by_what_they_refer_to
            }
            random_edges { edges_agree_with_the_definition }
            waiting { escrows_fall_due, escrows_are_paged, a_refused_commit_forgets_nothing, staged_rows_are_counted, intents_outlive_their_writer }
            hints { links_become_hints }
            claims { claims_are_exclusive_until_they_end, claims_allow_to_write }
            plans { plans_come_back_whole, old_plans_go }
            uploads {
                uploads_are_merged_by_person, uploads_are_paged_both_ways, uploads_are_written_whole_or_not_at_all,
                cleared_uploads_move_the_floor, uploads_go_with_their_job
            }
            correlations {
                reports_replace_each_other, findings_are_found_and_paged, accounts_of_no_report_go
            }
            notices { notices_wait_until_they_are_dropped }
            policies {
                exclusions_are_kept_by_object, released_links_are_found_by_age, exported_references_are_paged,
                retries_are_brought_forward, drift_is_kept_from_scan_to_scan
            }
            matching { the_index_finds_by_folded_value, the_last_object_wins }
            logs {
                records_come_back_whole, records_are_filtered, records_are_paged_both_ways, rare_records_are_found_page_by_page,
                old_records_are_pruned, audits_come_in_either_order,
                audits_are_found_by_their_words, rare_audits_are_found_page_by_page
            }
            entitlement {
                entitlement_is_direct_by_group_and_nested, memberships_are_direct_and_nested,
                entitlement_ends_in_cycles
            }
            directory {
                objects_are_made_and_changed, unique_properties_are_guarded, the_bin_hides_and_restores, changes_leave_their_moment,
                purging_leaves_nothing, relations_are_paged, managers_are_single, assignments_are_unique,
                the_feed_tells_every_change_in_order, the_feed_is_trimmed, a_failing_write_takes_the_others_with_it
            }
            lists {
                lists_are_paged_by_id, indexed_and_scanned_conditions_agree, counts_leave_the_page_aside,
                ids_are_found_by_their_beginning,
                objects_come_in_order
            }
        }
    };
    (@modules $store:expr; $($module:ident { $($name:ident),* $(,)? })*) => {
        $(mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    $crate::store_suite::$module::$name($store).await;
                }
            )*
        })*
    };
}
