"""Forms about content. They read what was typed; the actions decide."""

from django import forms

from tenants.content.actions import LONGEST_NOTE
from tenants.content.bundles import LARGEST_FILE
from tenants.content.checking import LONGEST_NAME
from tenants.content.models import ContentFile
from tenants.content.trials import FORMATS, LARGEST_EVENT


class VersionForm(forms.Form):
    """The text of a file, with what a new version of it changes."""

    text = forms.CharField(label="Text", max_length=LARGEST_FILE, strip=False, widget=forms.Textarea)
    note = forms.CharField(
        label="What it changes",
        max_length=LONGEST_NOTE,
        required=False,
        help_text="For whoever reads the list of versions.",
    )
    based_on = forms.IntegerField(required=False, widget=forms.HiddenInput)


class FileForm(forms.Form):
    """A new file: its kind and name, its text, and what it is for."""

    kind = forms.ChoiceField(label="Kind", choices=ContentFile.Kind.choices)
    name = forms.CharField(
        label="Name",
        max_length=LONGEST_NAME,
        help_text="Of rules and decoders, such as acme_rules.xml; of settings, the name of the agents' group.",
    )
    text = forms.CharField(label="Text", max_length=LARGEST_FILE, strip=False, widget=forms.Textarea)
    note = forms.CharField(label="What it is for", max_length=LONGEST_NOTE, required=False)


class LogtestForm(forms.Form):
    """One line of a log, and how it is to be read."""

    event = forms.CharField(label="One line of a log", max_length=LARGEST_EVENT, strip=False, widget=forms.Textarea)
    log_format = forms.ChoiceField(label="Format", choices=[(each, each) for each in FORMATS])
    location = forms.CharField(
        label="Where it would come from", max_length=256, required=False, help_text="Such as /var/log/auth.log."
    )
