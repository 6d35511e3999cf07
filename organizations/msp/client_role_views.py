"""In which clients a member of an MSP works: sets are added and taken away one by one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.actor import actor_of
from controlplane.forms import told_on
from organizations import access, queries
from organizations.actions import client_roles
from organizations.actions.client_roles import WantedSet
from organizations.frame import Link
from organizations.models import ClientRole, Membership, Organization
from organizations.permissions import Role
from organizations.roles.named import choices_within, role_name, roles_in
from organizations.settings_page import organization_of, settings_page


class SetForm(forms.Form):
    """One set and the role in it."""

    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.VIEWER)
    reach = forms.ChoiceField(label="In", choices=ClientRole.Reach)
    clients = forms.MultipleChoiceField(
        label="Clients",
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox"}),
    )

    def __init__(self, *args: Any, roles: list[tuple[str, str]], clients: list[Organization], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["role"].choices = roles  # type: ignore[attr-defined]
        self.fields["clients"].choices = [(each.pk, each.name) for each in clients]  # type: ignore[attr-defined]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def member_clients(request: HttpRequest, organization_id: str, membership_id: str) -> HttpResponse:
    """The sets of one member; on POST, one is added."""
    actor, msp = actor_of(request), organization_of(request, organization_id)
    standing = access.require(actor, "member.manage", msp)
    membership = queries.member(actor, msp, membership_id)
    clients = list(queries.clients_of(actor, msp).order_by("name"))
    roles = choices_within(standing.permissions, roles_in(msp.pk).values())
    form = SetForm(request.POST or None, roles=roles, clients=clients)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            wanted = WantedSet(**form.cleaned_data)
            client_roles.add_set(by=actor, msp=msp, membership_id=membership_id, wanted=wanted)
            messages.success(request, f"{membership.user} works in these clients now.")
            return redirect("settings:member-clients", organization_id, membership_id)
    context = {**_sets(membership, clients), "form": form}
    template = "organizations/settings/member_clients.html"
    back = Link("Members", reverse("settings:members", args=[organization_id]))
    return settings_page(request, msp, "members", "Clients", context, form=form, template=template, crumbs=(back,))


@login_required
@require_POST
def remove_set(request: HttpRequest, organization_id: str, membership_id: str, set_id: str) -> HttpResponse:
    """Take one set away; without any a member works in every client again."""
    actor, msp = actor_of(request), organization_of(request, organization_id)
    client_roles.remove_set(by=actor, msp=msp, membership_id=membership_id, set_id=set_id)
    messages.success(request, "The set is taken away.")
    return redirect("settings:member-clients", organization_id, membership_id)


def _sets(membership: Membership, clients: list[Organization]) -> dict[str, Any]:
    """What a member has now."""
    names = {each.pk: each.name for each in clients}
    return {
        "member": membership,
        "role": role_name(membership.organization_id, membership.role),
        "sets": [_row(each, names) for each in membership.client_roles.all()],
    }


def _row(each: ClientRole, names: dict[str, str]) -> dict[str, Any]:
    """One set in words; a client that has left is not named."""
    return {
        "id": each.pk,
        "role": role_name(each.organization_id, each.role),
        "reach": ClientRole.Reach(each.reach).label,
        "clients": sorted(names[client] for client in each.clients if client in names),
    }
