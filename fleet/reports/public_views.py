"""A report for whoever has its public link: the page, and its files, each taken of which is counted."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.public_links import unlisted
from controlplane.transactions import calls_out
from fleet.reports import downloads, links
from fleet.reports.files import readable
from fleet.reports.views import as_file
from organizations.branding.queries import look_for
from organizations.hostnames.serving import at_hostnames

at_home = at_hostnames(lambda report_token, **_: links.open_by(report_token).organization_id)


@at_home
@never_cache
@unlisted
@require_safe
def page(request: HttpRequest, report_token: str) -> HttpResponse:
    """The report with all that it tells."""
    link = links.open_by(report_token)
    report = link.report
    look = look_for(report.organization_id)
    context = {"link": link, "token": report_token, "title": report.title, "look": look}
    return render(request, "fleet/report_public.html", {**context, "figures": readable(report.figures)})


# By a form, so that no program that follows links ahead of people is counted.
@at_home
@calls_out
@never_cache
@unlisted
@require_POST
def file(request: HttpRequest, report_token: str, form: str) -> HttpResponse:
    """The report as a file."""
    link = links.open_by(report_token)
    answer = as_file(link.report.figures, link.report, form)
    downloads.note_by_link(by=actor_of(request), link=link, form=form)
    return answer
