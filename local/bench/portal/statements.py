"""`python -m local.bench.portal.statements PATH`: prints as JSON what a GET of the portal asks its database.

The API key comes by the environment, as `BENCH_KEY`.
"""

import json
import os
import sys

import django


def main() -> None:
    django.setup()
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    host = settings.ALLOWED_HOSTS[0]
    browser = Client(headers={"authorization": f"Bearer {os.environ['BENCH_KEY']}", "host": host})

    def ask() -> None:
        answer = browser.get(sys.argv[1], secure=True)
        assert answer.status_code == 200, answer.content

    ask()  # the first of a minute notes the key's use
    with CaptureQueriesContext(connection) as asked:
        ask()
    print(json.dumps([query["sql"] for query in asked.captured_queries]))


if __name__ == "__main__":
    main()
