"""`manage.py set_plan`: put an organization on a plan, as the platform's operators do."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing import actions
from billing.models import Plan
from controlplane.actor import Actor
from controlplane.problems import Problem
from controlplane.rls import acting_as


class Command(BaseCommand):
    help = "Put an organization on a plan."

    def add_arguments(self, parser: CommandParser) -> None:
        """The organization's id and the plan's code."""
        parser.add_argument("--organization", required=True, help="id of the organization, org_…")
        parser.add_argument("--plan", required=True, help="code of the plan, such as large")

    def handle(self, *args: Any, **options: Any) -> None:
        """Change the plan under the organization's own authority."""
        organization_id = options["organization"]
        by = Actor.system("an operator of the platform set the plan", organization_id=organization_id)
        plan = Plan.objects.filter(code=options["plan"]).first()
        if plan is None:
            raise CommandError("There is no such plan.")
        try:
            with acting_as(by.rls_actor):
                actions.change_plan(by=by, organization_id=organization_id, plan=plan)
        except Problem as problem:
            raise CommandError(problem.detail) from problem
        self.stdout.write(f"{organization_id} is on {plan.code}")
