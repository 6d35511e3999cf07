"""Every table with an organization's data is under row-level security, and nothing can step past it."""

import pytest
from django.apps import apps
from django.db import connection

from tests.database import all_rows

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

# Tables that belong to no organization. A new table is refused until it has row-level security or a line here.
GLOBAL = {
    "account_emailaddress": "allauth's; not filled, people's addresses are on organizations_user",
    "account_emailconfirmation": "allauth's; not filled",
    "auth_group": "Django's, of staff",
    "auth_group_permissions": "Django's, of staff",
    "auth_permission": "Django's, of staff",
    "billing_plan": "the price list, the same for everybody",
    "controlplane_marker": "says something about the whole database",
    "django_admin_log": "what staff did in the admin site",
    "django_content_type": "names of models",
    "django_migrations": "names of migrations",
    "django_session": "sessions, found by their secret key only",
    "organizations_guesscount": "counts tries; its keys are keyed digests that name nobody",
    "organizations_user_groups": "Django's, of staff",
    "organizations_user_user_permissions": "Django's, of staff",
    "socialaccount_socialapp": "allauth's; not filled, connections are rows of ours",
    "socialaccount_socialtoken": "allauth's; tokens are never stored",
    "tenants_cell": "the platform's edges",
    "tenants_componentperiod": "what checks saw of the platform's own components, told to everybody",
    "tenants_incident": "what staff tell everybody",
    "tenants_incidentupdate": "what staff tell everybody",
}
# Readable for whom it names, but not forced: the owner's triggers fill it.
ACCESS = "organizations_access"
OWNED = ("organization_id", "tenant_id", "client_id", "msp_id", "user_id")


def rows(query: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def tables() -> dict[str, tuple[bool, bool]]:
    """Returns whether row-level security is enabled and forced, by table."""
    found = rows(
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
        " WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    return {name: (enabled, forced) for name, enabled, forced in found}


def columns() -> set[tuple[str, str]]:
    return set(rows("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"))


def test_every_table_is_secured_or_known_to_be_global():
    unknown = [name for name, (_, forced) in tables().items() if not forced and name not in {*GLOBAL, ACCESS}]
    assert not unknown, f"{unknown} need EnableRowSecurity in a migration, or a reason in GLOBAL"


def test_no_table_is_called_global_that_has_security():
    assert not [name for name, (enabled, _) in tables().items() if enabled and name in GLOBAL]


def test_no_global_table_names_an_organization_or_tenant():
    of_staff = {"organizations_user_groups", "organizations_user_user_permissions", "django_admin_log"}
    of_allauth = {"account_emailaddress", "socialaccount_socialapp"}
    named = {table for table, column in columns() if column in OWNED and table in set(GLOBAL) - of_staff - of_allauth}
    assert not named


def test_every_model_has_its_table_among_them():
    assert {model._meta.db_table for model in apps.get_models(include_auto_created=True)} <= set(tables())


def test_every_secured_table_has_policies_for_reading_and_writing():
    policies = rows(
        "SELECT tablename, roles::text[], cmd, qual, with_check FROM pg_policies WHERE schemaname = 'public'"
    )
    for name, (_, forced) in tables().items():
        if forced:
            own = [policy for policy in policies if policy[0] == name and "app" in policy[1]]
            assert any(cmd in ("ALL", "SELECT") and qual for _, _, cmd, qual, _ in own), name
            assert any(cmd == "ALL" and check for _, _, cmd, _, check in own), name


def test_no_policy_for_the_app_lets_everything_through():
    policies = rows("SELECT tablename, roles::text[], qual, with_check FROM pg_policies WHERE schemaname = 'public'")
    for table, roles, qual, check in policies:
        if {"app", "worker", "public"} & set(roles):
            assert "true" not in (qual, check), table


def test_the_access_table_can_only_be_read_and_only_by_whom_it_names():
    assert tables()[ACCESS] == (True, False)
    granted = rows(
        "SELECT DISTINCT privilege_type FROM information_schema.role_table_grants"
        f" WHERE table_name = '{ACCESS}' AND grantee IN ('app', 'worker')"
    )
    assert granted == [("SELECT",)]


def test_no_role_can_pass_by_or_change_tables():
    found = rows(
        "SELECT rolname FROM pg_roles WHERE rolname IN ('owner', 'app', 'worker')"
        " AND NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)"
    )
    assert {name for (name,) in found} == {"owner", "app", "worker"}
    assert rows(
        "SELECT has_schema_privilege('app', 'public', 'CREATE'), has_schema_privilege('worker', 'public', 'CREATE')"
    ) == [(False, False)]
    assert rows("SELECT has_database_privilege('app', current_database(), 'TEMP')") == [(False,)]


def test_no_table_can_be_emptied_and_none_belongs_to_the_app():
    found = rows(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND"
        " (has_table_privilege('app', oid, 'TRUNCATE') OR has_table_privilege('worker', oid, 'TRUNCATE')"
        "  OR pg_get_userbyid(relowner) <> 'owner')"
    )
    assert found == []


# The only ways past row-level security, one narrow question each.
DEFINER_FUNCTIONS = {
    "actor_of_change": "which organization a tenant in the edge's feed belongs to",
    "alert_cursors_due": "tenants whose stream of alerts is to be read, by the clock",
    "alert_notices_due": "notices of alerts to be sent, by the clock",
    "alert_routes_of": "where alerts of an organization are told, for whoever sees that organization",
    "alert_suppressions_in_force": "what is hidden in an organization, for whoever sees that organization",
    "audit_append_only": "trigger: refuses changes of the audit trail",
    "audit_chains": "which chains there are, for `verify_audit`",
    "client_imports_due": "files of clients to be looked at, by the clock",
    "content_inherited": "what providers hand down to an organization, for whoever sees that organization",
    "controlplane_refusals_due": "refusals whose window has ended, by the clock",
    "claim_tenant": "takes a due tenant's lease and returns its organization's actor",
    "due_tenants": "ids of tenants that are due",
    "forget_old_alerts": "removes alerts of which nothing stands or was heard for long, and ended suppressions",
    "forget_old_notices": "removes notices that are over, of alerts that are closed or gone, after a quarter of a year",
    "forget_old_rows": "removes answers and delivered messages after their time",
    "forget_old_mails": "removes mails a month after they ended",
    "installer_of_token": "which version machines with a token's short link are to run, and at which edge",
    "look_at_settled": "makes tenants due that have come to rest and of which the edge told nothing for hours",
    "hurry_cell": "makes a cell's waiting tenants due once its edge answers again",
    "operations_due": "operations whose maintenance window has begun or is near, by the clock",
    "organizations_access_of_client_role": "trigger: fills the access table",
    "organizations_access_of_grant": "trigger: fills the access table",
    "organizations_access_of_membership": "trigger: fills the access table",
    "organizations_access_of_organization": "trigger: fills the access table",
    "organizations_access_of_staff": "trigger: fills the access table",
    "organizations_access_of_staff_anew": "trigger: fills the access table",
    "organizations_certificates_due": "connections whose last certificate ends soon, by the clock",
    "organizations_connection_of_domain": "where the sign-in page leads an address, before anybody is signed in",
    "organizations_domains_due": "domains whose record is to be looked for, by the clock",
    "organizations_forget_spent": "removes used assertions and sign-in attempts after their time",
    "organizations_forget_spent_accounts": "removes mailed codes, counts of tries and old sessions after their time",
    "organizations_grants_due": "grants to be reviewed or whose time is over, by the clock",
    "organizations_hostnames_due": "host names whose record is to be looked for, by the clock",
    "organizations_owner_of_hostname": "who has proven the host name that a request came to",
    "organizations_mail_senders_due": "addresses of mails of which DNS is to be asked, by the clock",
    "organizations_manages": "whether one organization manages another over any number of grants: no cycles",
    "organizations_my_invitations": "the asker's own invitations, by verified address",
    "organizations_organization_of_connection": "whose connection an answer of an identity provider came to",
    "organizations_people_of_trail": "who stands behind entries of a trail, for whoever sees that organization",
    "organizations_person_of_address": "whose proven address it is, before sign-in by password and for mails",
    "organizations_person_of_identity": "who a proven identity is",
    "organizations_staff_of_address": "who signs in to the admin site",
    "organizations_that_take_me": "which organization takes a request to join from the asker's own, verified address",
    "organizations_unfinished": "pending organizations whose first sign-in never came",
    "outbox_due": "ids of deliveries that are due",
    "agent_moves_open": "organizations with a move of agents that has not ended, by the clock",
    "report_plans_due": "planned reports that are to be made, by the clock",
    "rollouts_due": "roll-outs to be looked at, by the clock",
    "status_forget_unconfirmed": "removes addresses that did not confirm in time that they want to be told",
    "status_work_due": "when the longest waiting delivery and tenant became due: two moments, no rows",
    "tenants_bin_due": "tenants in the recycle bin whose end is near or reached, by the clock",
    "trail_exchanges_due": "organizations of which an end of a trail has moved, by the clock",
    "refresh_cell": "marks a cell's tenants for another look after its feed was lost",
}


def functions() -> list[tuple]:
    return rows(
        "SELECT proname, prosecdef, proconfig, proacl::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )


def test_the_ways_past_are_known():
    unknown = {name for name, definer, _, _ in functions() if definer} - set(DEFINER_FUNCTIONS)
    assert not unknown, f"{unknown} step past row-level security: say in DEFINER_FUNCTIONS what for"
    assert not set(DEFINER_FUNCTIONS) - {name for name, *_ in functions()}


def test_no_way_past_can_be_led_astray_or_called_by_everybody():
    for name, definer, config, acl in functions():
        if definer:
            assert "search_path=pg_catalog, public, pg_temp" in (config or []), name
        assert acl, name
        assert not any(entry.startswith("=") for entry in acl.strip("{}").split(",")), name


def test_there_are_no_views_that_would_read_as_their_owner():
    assert (
        rows("SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace") == []
    )


def test_raw_sql_without_a_filter_shows_a_stranger_nothing(acme, rival, mallory):
    from controlplane import rls

    with all_rows():
        secured = [name for name, (_, forced) in tables().items() if forced]
        whole = {name: len(rows(f'SELECT 1 FROM "{name}"')) for name in secured}
    with rls.acting_as(f"user:{mallory.pk}"):
        seen = {name: rows(f'SELECT t::text FROM "{name}" t') for name in secured}
    assert sum(whole.values()) > sum(map(len, seen.values())) > 0
    for name, found in seen.items():
        assert not [row for (row,) in found if acme.pk in row or "Acme" in row], name
