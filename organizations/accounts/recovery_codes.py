"""Recovery codes: ten, shown once, each good for one sign-in."""

from django.utils.crypto import salted_hmac

from controlplane import rls
from controlplane.ids import LOWER_BASE32, random_text
from organizations.accounts.models import RecoveryCode

COUNT = 10
LENGTH = 16


def make_anew(user_id: str) -> list[str]:
    """Ten new codes for a person; the old ones end. Nobody can read them afterwards. In the caller's transaction."""
    codes = [random_text(LOWER_BASE32, LENGTH) for _ in range(COUNT)]
    with rls.acting_as(f"user:{user_id}"):
        RecoveryCode.objects.filter(user_id=user_id).delete()
        RecoveryCode.objects.bulk_create(RecoveryCode(user_id=user_id, digest=_digest(code)) for code in codes)
    return ["-".join(code[start : start + 4] for start in range(0, LENGTH, 4)) for code in codes]


def redeem(user_id: str, code: str) -> bool:
    """Whether `code` is one of the person's, used up by this call: of two at once, one deletes it."""
    tidy = "".join(character for character in code.lower() if character in LOWER_BASE32)
    if len(tidy) != LENGTH:
        return False
    with rls.acting_as(f"user:{user_id}"):
        used, _ = RecoveryCode.objects.filter(user_id=user_id, digest=_digest(tidy)).delete()
    return bool(used)


def _digest(code: str) -> str:
    return salted_hmac("organizations.recovery_code", code, algorithm="sha256").hexdigest()
