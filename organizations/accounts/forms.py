"""Forms of accounts. What they hold is judged by the actions; here only the form of it."""

from django import forms

from organizations.accounts.models import LONGEST_DEVICE_NAME
from organizations.accounts.passkeys import LONGEST_ANSWER
from organizations.accounts.people import LONGEST_PASSWORD
from organizations.addresses import LONGEST

LONGEST_CODE = 40


def _password(autocomplete: str, help_text: str = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(
        label="Password", max_length=LONGEST_PASSWORD, strip=False, widget=widget, help_text=help_text
    )


def _email(autocomplete: str) -> forms.EmailField:
    widget = forms.EmailInput(attrs={"autocomplete": autocomplete})
    return forms.EmailField(label="E-mail address", max_length=LONGEST, widget=widget)


class EmailForm(forms.Form):
    """An address to mail to."""

    email = _email("email")


class PasswordSignInForm(forms.Form):
    """Who somebody says they are, and what proves it."""

    email = _email("username")
    password = _password("current-password")


class MailedCodeForm(forms.Form):
    """The code that was mailed."""

    code = forms.CharField(
        label="Code from the mail",
        max_length=LONGEST_CODE,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "characters"}),
    )


class NameForm(forms.Form):
    """What a new person is called."""

    name = forms.CharField(
        label="Your name", max_length=200, required=False, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )


class NewPasswordForm(forms.Form):
    """A new password."""

    password = _password("new-password", "At least 12 characters; a sentence is easy to keep.")


class CurrentPasswordForm(forms.Form):
    """The asker's own password."""

    password = _password("current-password")


class FactorCodeForm(forms.Form):
    """A code of the authenticator app, or a recovery code."""

    code = forms.CharField(
        label="Code",
        max_length=LONGEST_CODE,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class DeviceNameForm(forms.Form):
    """What a device is called."""

    name = forms.CharField(label="Name", max_length=LONGEST_DEVICE_NAME)


class PasskeyForm(forms.Form):
    """The browser's answer, filled in by the page's script."""

    credential = forms.CharField(max_length=LONGEST_ANSWER, widget=forms.HiddenInput, required=False)
