"""silt's SigV4 beside botocore's, on random requests as S3 would get them."""

import json
import random
import string
import subprocess
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

TEXT = string.ascii_letters + string.digits + "-_.~/ +=&%$,:;@!*'()\"<>[]{}|\\^`#?äß北"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def word(rng, alphabet, least, most):
    return "".join(rng.choices(alphabet, k=rng.randint(least, most)))


def make_request(rng):
    path = "/" + urllib.parse.quote(word(rng, TEXT.replace("?", ""), 0, 30), safe="-_.~/")
    token = string.ascii_lowercase + string.digits + "-"
    headers = [["Host", "bucket.s3.eu-west-1.amazonaws.com"], ["X-Amz-Date", "20260101T000000Z"]]
    headers += [["x-amz-" + word(rng, token, 1, 10), word(rng, string.ascii_letters + "  ,;=\"/", 0, 20)]
                for _ in range(rng.randint(0, 5))]
    payload = rng.choice([EMPTY, "UNSIGNED-PAYLOAD", f"{rng.getrandbits(256):064x}"])
    headers.append(["X-Amz-Content-SHA256", payload])
    rng.shuffle(headers)
    return {"access_key": "AKID" + word(rng, string.ascii_uppercase, 8, 16), "secret": word(rng, TEXT, 1, 40),
            "region": rng.choice(["eu-west-1", "us-east-1", "local"]), "service": "s3", "date": "20260101T000000Z",
            "method": rng.choice(["GET", "PUT", "POST", "HEAD", "DELETE"]), "path": path,
            "query": [[word(rng, TEXT, 1, 8), word(rng, TEXT, 0, 12)] for _ in range(rng.randint(0, 5))],
            "headers": headers, "payload_hash": payload}


def botocore_signature(request):
    """(canonical request, Authorization)."""
    quoted = [f"{urllib.parse.quote(name, safe='-_.~')}={urllib.parse.quote(value, safe='-_.~')}"
              for name, value in request["query"]]
    host = dict(request["headers"])["Host"]
    url = f"https://{host}{request['path']}" + ("?" + "&".join(quoted) if quoted else "")
    aws = botocore.awsrequest.AWSRequest(method=request["method"], url=url)
    for name, value in request["headers"]:
        aws.headers.add_header(name, value)
    aws.context["timestamp"] = request["date"]
    credentials = botocore.credentials.Credentials(request["access_key"], request["secret"])
    auth = botocore.auth.S3SigV4Auth(credentials, request["service"], request["region"])
    canonical = auth.canonical_request(aws)
    signature = auth.signature(auth.string_to_sign(aws, canonical), aws)
    names = auth.signed_headers(auth.headers_to_sign(aws))
    return canonical, (f"AWS4-HMAC-SHA256 Credential={auth.scope(aws)}, SignedHeaders={names}, "
                       f"Signature={signature}")


def compare(program, seed, n):
    """@return the requests that the two sign differently."""
    rng = random.Random(seed)
    requests = [make_request(rng) for _ in range(n)]
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    answer = subprocess.run([program], input=lines, check=True, capture_output=True, text=True).stdout
    ours = [line.split("\t") for line in answer.splitlines()]
    assert len(ours) == n
    different = []
    for request, (canonical, authorization) in zip(requests, ours):
        wanted = botocore_signature(request)
        if (json.loads(canonical), authorization) != wanted:
            different.append({"request": request, "ours": (json.loads(canonical), authorization), "botocore": wanted})
    return different
