"""Which host a certificate is for."""

from cryptography import x509


def certificate_host(chain: bytes) -> str | None:
    """The first name, else the first IP address, of a PEM chain's first certificate; a wildcard is no name.

    None: it has neither. ValueError: it is no certificate.
    """
    certificate = x509.load_pem_x509_certificates(chain)[0]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    hosts = [name for name in names.get_values_for_type(x509.DNSName) if not name.startswith("*")]
    hosts += [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return hosts[0] if hosts else None
