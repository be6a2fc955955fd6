"""Asks for the certificate of the deployed seal key: prints the request that the bank's certification authority signs.

    python -m infra.setup.seal_certificate KEY_ARN --organisation "Example Bank" --country CN > seal.csr

The certificate that comes back goes into the SSM parameter that the stack reads, leaf first, then its chain.
"""

import argparse

import boto3

from accord_documents import certificate_request, subject_name


def main() -> None:
    """Print the request in PEM. The private key never leaves KMS."""
    parser = argparse.ArgumentParser(description="Print a certificate request for the seal key.")
    parser.add_argument("key", help="ARN of the stack's seal key")
    parser.add_argument("--organisation", required=True, help="the bank's registered name")
    parser.add_argument("--country", required=True, help="two letters, as in ISO 3166")
    asked = parser.parse_args()
    print(certificate_request(boto3.client("kms"), asked.key, subject_name(asked.organisation, asked.country)), end="")


if __name__ == "__main__":
    main()
