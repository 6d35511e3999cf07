"""Where somebody may do something, as one condition: the same as asking of each organization, in worlds of any kind."""

import datetime as dt
import random
import time
from dataclasses import replace

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from organizations import queries
from organizations.models import ClientRole, CustomRole, EmergencyAccess, Grant, Membership, Organization, User
from organizations.permissions import OF_TENANTS, PERMISSIONS, Role
from organizations.standings import standings_of
from tests.cast import person
from tests.database import all_rows

pytestmark = pytest.mark.django_db

CLIENTS = 14
ASKED = ["", "tenant.view", "tenant.operate", "tenant.create", "member.manage", "client.manage", "billing.manage"]


class World:
    """Two MSPs and some clients; what somebody may do in each was drawn by lot."""

    def __init__(self, seed: int) -> None:
        self.lot = random.Random(seed)
        self.someone = person(f"someone{seed}")
        now = timezone.now()
        with all_rows():
            self.msps = [self._organization(f"msp{seed}-{number}", kind="msp") for number in range(2)]
            self.clients = [self._client(f"client{seed}-{number}") for number in range(CLIENTS)]
            self.memberships = [self._joins(msp) for msp in self.msps]
            for client in self.lot.sample(self.clients, 2):
                Membership.objects.create(user=self.someone, organization=client, role=self.lot.choice(Role.values))
            self.grants = [self._grant(msp, client, now) for msp in self.msps for client in self.clients]
            for grant in self.lot.sample(self.grants, 4):
                self._emergency(grant, now)

    def _organization(self, slug: str, **more: object) -> Organization:
        return Organization.objects.create(name=slug, slug=slug, **more)

    def _client(self, slug: str) -> Organization:
        demands = self.lot.choice([{}, {}, {}, {"require_second_factor": True}, {"allowed_networks": ["192.0.2.0/24"]}])
        return self._organization(slug, **demands)

    def _role(self, organization: Organization) -> str:
        if self.lot.random() < 0.7:
            return self.lot.choice(Role.values)
        permissions = sorted(self.lot.sample(sorted(PERMISSIONS), self.lot.randint(0, 12)))
        name = f"{self.lot.random()}"
        return CustomRole.objects.create(organization=organization, name=name, permissions=permissions).pk

    def _joins(self, msp: Organization) -> Membership:
        membership = Membership.objects.create(user=self.someone, organization=msp, role=self._role(msp))
        for _ in range(self.lot.choice([0, 0, 1, 3])):
            reach = self.lot.choice(ClientRole.Reach.values)
            among = [each.pk for each in self.lot.sample(self.clients, 5)] if reach != "all" else []
            ClientRole.objects.create(
                organization=msp, membership=membership, reach=reach, clients=among, role=self._role(msp)
            )
        return membership

    def _grant(self, msp: Organization, client: Organization, now: dt.datetime) -> Grant:
        ends_at, review_at = self.lot.choice(
            [
                (None, now + dt.timedelta(days=90)),
                (None, now - dt.timedelta(days=31)),
                (now + dt.timedelta(days=1), None),
                (now - dt.timedelta(days=1), None),
            ]
        )
        return Grant.objects.create(
            msp=msp,
            client=client,
            role_ceiling=self.lot.choice(Role.values),
            emergency_ceiling=self.lot.choice(["", "", *Role.values]),
            state=self.lot.choice(["active", "active", "active", "withdrawn"]),
            ends_at=ends_at,
            review_at=review_at,
        )

    def _emergency(self, grant: Grant, now: dt.datetime) -> None:
        EmergencyAccess.objects.create(
            grant=grant,
            client_id=grant.client_id,
            msp_id=grant.msp_id,
            user=self.someone,
            reason="x",
            ends_at=now + dt.timedelta(minutes=self.lot.choice([-5, 30])),
        )

    def actors(self) -> list[Actor]:
        """The person without a session in question, in sessions of several kinds, and as keys."""
        plain = Actor(user_id=self.someone.pk, kind="user", session_id="ses_test", address="198.51.100.7")
        with all_rows():
            own = [each.organization_id for each in Membership.objects.filter(user=self.someone)]
        proofs = [(one, "platform") for one in own if self.lot.random() < 0.8]
        assert proofs, "a session that has proven nothing stands nowhere, and would say nothing"
        session = plain.with_proofs(
            proofs,
            second_factor=[one for one, _ in proofs if self.lot.random() < 0.5],
            shown_at=[(one, int(time.time()), 0) for one, _ in proofs],
        )
        chosen = self.lot.choice(self.grants)
        key = replace(plain, kind="api_key", key_id="key_x", organization_id=self.msps[0].pk, address="192.0.2.9")
        return [
            plain,
            session,
            replace(session, working=(chosen.pk, chosen.msp_id)),
            replace(key, scopes=frozenset(PERMISSIONS)),
            replace(key, scopes=frozenset({"tenant.view", "client.manage"})),
            replace(key, scopes=OF_TENANTS, tenant_ids=frozenset({"t"})),
        ]


@pytest.mark.parametrize("seed", range(12))
def test_the_condition_says_of_all_what_is_said_of_each(seed: int) -> None:
    world = World(seed)
    for actor in world.actors():
        with rls.acting_as(actor.rls_actor):
            for permission in ASKED:
                everywhere = list(Organization.objects.all())
                stands = standings_of(actor, everywhere)
                asked_one_by_one = {
                    one for one, best in stands.items() if not permission or permission in best.permissions
                }
                found = set(queries.visible_to(actor, permission).values_list("pk", flat=True))
                assert found == asked_one_by_one, (seed, actor.kind, permission)


def test_nobody_and_the_system_stand_where_they_always_did(acme: Organization, msp: Organization, alice: User) -> None:
    with all_rows():
        assert not queries.visible_to(Actor.nobody(), "tenant.view").exists()
        assert set(queries.visible_to(Actor.system("test"), "tenant.view")) == {acme, msp}
        one = Actor.system("test", organization_id=acme.pk)
        assert list(queries.visible_to(one, "tenant.view")) == [acme]


@pytest.mark.parametrize("few", [1, 60])
def test_it_costs_as_many_questions_for_few_clients_as_for_many(
    msp: Organization, maria: User, few: int, django_assert_max_num_queries: object
) -> None:
    with all_rows():
        clients = [Organization(name=f"c{n}", slug=f"c{n}") for n in range(few)]
        Organization.objects.bulk_create(clients)
        review_at = timezone.now() + dt.timedelta(days=9)
        Grant.objects.bulk_create(Grant(msp=msp, client=each, review_at=review_at) for each in clients)
    actor = Actor(user_id=maria.pk, kind="user", session_id="ses_test")
    with rls.acting_as(actor.rls_actor), django_assert_max_num_queries(12):
        assert len(queries.visible_to(actor, "tenant.operate")) == few + 1
