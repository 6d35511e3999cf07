import threading
from datetime import timedelta

import pytest
import structlog
from django.db import connection, transaction
from django.utils import timezone

from controlplane import outbox, rls
from controlplane.models import Delivery, Message
from tests.database import all_rows
from tests.deliveries import deliver_due

pytestmark = pytest.mark.django_db(transaction=True)

TOPIC = "test.thing.happened"


@pytest.fixture
def heard(monkeypatch):
    """Two subscribers of one topic; what they do is decided by the payload."""
    received = []
    monkeypatch.setattr(outbox, "_subscribers", {})

    @outbox.subscriber(TOPIC)
    def inside(message):
        received.append(("inside", message.key, rls.current_actor(), transaction.get_connection().in_atomic_block))
        Message.objects.create(topic="effect", key=message.id, organization_id=message.organization_id, payload={})
        if message.payload.get("inside_fails"):
            raise ValueError("secret detail")

    @outbox.subscriber(TOPIC, in_transaction=False)
    def outside(message):
        received.append(("outside", message.key, rls.current_actor(), transaction.get_connection().in_atomic_block))

    return received


def publish(key="k1", organization="org_a", **payload):
    with rls.acting_as(f"org:{organization}"):
        outbox.publish(TOPIC, key=key, organization_id=organization, payload=payload)


def deliveries() -> dict[str, Delivery]:
    with all_rows():
        return {each.subscriber.rsplit(".", 1)[1]: each for each in Delivery.objects.all()}


def make_due():
    with all_rows():
        Delivery.objects.filter(delivered_at=None).update(next_attempt_at=timezone.now())


def test_every_subscriber_hears_a_fact_as_its_organization(heard):
    publish()
    assert deliver_due() == 2
    assert sorted(heard) == [("inside", "k1", "org:org_a", True), ("outside", "k1", "", False)]
    assert all(each.delivered_at for each in deliveries().values())
    assert deliver_due() == 0


def test_what_is_done_for_a_fact_belongs_to_the_request_in_which_it_happened(monkeypatch):
    known = []
    monkeypatch.setattr(outbox, "_subscribers", {})
    outbox.subscriber(TOPIC)(lambda message: known.append(structlog.contextvars.get_contextvars().get("request_id")))
    with structlog.contextvars.bound_contextvars(request_id="page-123456"):
        publish("asked")
    with structlog.contextvars.bound_contextvars(task_id="another-task"):
        publish("by itself")
        deliver_due()
    assert known == ["page-123456", None]


def test_a_fact_of_a_rolled_back_transaction_never_happened(heard):
    with rls.acting_as("org:org_a"):
        outbox.publish(TOPIC, key="k1", organization_id="org_a", payload={})
        transaction.set_rollback(True)
    assert deliver_due() == 0


def test_a_fact_is_published_in_the_transaction_in_which_it_becomes_true(heard):
    with pytest.raises(RuntimeError, match="transaction"):
        outbox.publish(TOPIC, key="k1", organization_id="org_a", payload={})


def test_the_same_key_is_published_once(heard):
    publish()
    publish()
    assert deliver_due() == 2
    assert deliver_due() == 0


def test_a_failure_delays_only_its_own_delivery_and_undoes_its_effects(heard):
    publish("bad", inside_fails=True)
    publish("good")
    assert deliver_due() == 4
    with all_rows():
        assert Message.objects.filter(topic="effect").count() == 1
        waiting = Delivery.objects.get(delivered_at=None)
    assert (waiting.attempts, waiting.last_error) == (1, "ValueError")
    assert waiting.next_attempt_at > timezone.now()
    assert deliver_due() == 0


def test_a_failed_delivery_is_tried_again_until_it_succeeds(heard):
    publish(inside_fails=True)
    deliver_due()
    with all_rows():
        Message.objects.filter(topic=TOPIC).update(payload={})
    make_due()
    assert deliver_due() == 1
    assert deliveries()["inside"].delivered_at is not None
    assert deliveries()["inside"].attempts == 2


def test_a_worker_that_died_in_the_middle_loses_nothing(heard, monkeypatch):
    publish()

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    monkeypatch.setattr(outbox, "_run", die)
    with pytest.raises(Killed):
        deliver_due()
    monkeypatch.undo()
    with all_rows():
        claimed = Delivery.objects.exclude(attempts=0).get()
        assert claimed.delivered_at is None
        assert claimed.next_attempt_at <= timezone.now() + outbox.LEASE


def test_a_claimed_delivery_is_not_claimed_twice(heard):
    publish()
    row = next(iter(deliveries().values()))
    assert outbox._claim(row.pk, "org:org_a") is not None
    assert outbox._claim(row.pk, "org:org_a") is None


def test_a_subscriber_that_is_gone_waits_instead_of_stopping_the_rest(heard, monkeypatch):
    publish()
    monkeypatch.setattr(outbox, "_subscribers", {TOPIC: {}})
    assert deliver_due() == 2
    assert {each.last_error for each in deliveries().values()} == {"KeyError"}


def test_the_platforms_own_facts_are_delivered_as_the_platform(heard):
    with rls.acting_as("user:usr_alice"):
        outbox.publish(TOPIC, key="k", organization_id=None, payload={})
    deliver_due()
    assert ("inside", "k", "platform", True) in heard


def test_the_delay_doubles_and_ends_at_ten_minutes():
    delays = [outbox.delay_after(attempts) for attempts in range(1, 30)]
    assert timedelta(seconds=4) <= delays[0] <= timedelta(seconds=5)
    assert delays[3] > delays[1]
    assert max(delays) <= outbox.LONGEST_DELAY * 1.2


def test_pending_deliveries_can_be_shown(heard):
    publish(inside_fails=True)
    deliver_due()
    with rls.acting_as("org:org_a"):
        assert outbox.waiting("org_a") == 1


def test_publishing_wakes_the_delivery_on_commit_and_lives_without_a_broker(heard, monkeypatch):
    from kombu.exceptions import OperationalError

    from controlplane.tasks import deliver

    woken = []

    def no_broker(**options):
        woken.append(options)
        raise OperationalError("no broker")

    monkeypatch.setattr(deliver, "apply_async", no_broker)
    with rls.acting_as("org:org_a"):
        outbox.publish(TOPIC, key="k", organization_id="org_a", payload={})
        assert woken == []
    assert len(woken) == 2
    assert deliver_due() == 2


def test_every_delivery_that_is_due_gets_a_task_of_its_own(heard, monkeypatch):
    from controlplane import tasks

    publish("k1")
    publish("k2")
    woken = []
    monkeypatch.setattr(tasks, "wake", lambda task, *arguments, queue: woken.append((task, *arguments)))
    tasks.deliver_outbox()
    assert heard == []
    assert [(task, organization) for task, _, organization in woken] == [(tasks.deliver, "org_a")] * 4
    for task, *arguments in woken * 2:
        task(*arguments)
    assert len(heard) == 4


def test_a_delivery_that_hangs_holds_up_no_other(monkeypatch):
    hangs, goes_on, heard = threading.Event(), threading.Event(), []
    monkeypatch.setattr(outbox, "_subscribers", {})

    @outbox.subscriber(TOPIC, in_transaction=False)
    def call_the_edge(message):
        if message.key == "hanging":
            hangs.set()
            goes_on.wait(30)
        heard.append(message.key)

    publish("hanging")
    publish("urgent")
    hanging, urgent = outbox.due()
    worker = threading.Thread(target=lambda: (outbox.deliver(*hanging), connection.close()))
    worker.start()
    assert hangs.wait(30)
    assert outbox.deliver(*urgent)
    assert heard == ["urgent"]
    goes_on.set()
    worker.join()
    assert heard == ["urgent", "hanging"]


def test_a_forged_organization_finds_no_delivery(heard):
    publish()
    (delivery_id, _), *_ = outbox.due()
    assert not outbox.deliver(delivery_id, "org_b")
    assert heard == []


def test_delivered_facts_are_forgotten_after_a_month_and_waiting_ones_kept(heard):
    from controlplane.retention import forget_old_rows

    publish("old")
    publish("waiting", inside_fails=True)
    deliver_due()
    with all_rows():
        Message.objects.update(created_at=timezone.now() - timedelta(days=31))
    forget_old_rows()
    with all_rows():
        assert set(Message.objects.filter(topic=TOPIC).values_list("key", flat=True)) == {"waiting"}
