package dev.seriatim.service.access;

import dev.seriatim.service.AuthenticationException;
import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Caller;
import dev.seriatim.service.Credentials;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;

/** Knows callers by the name in their certificate, which the transport has verified. Immutable. */
public final class CertificateNames implements Authenticator {
  private static final int DNS = 2;
  private static final int URI = 6;

  @Override
  public Optional<Verified> authenticate(Credentials credentials) throws AuthenticationException {
    if (credentials.certificates().isEmpty()) {
      return Optional.empty();
    }
    X509Certificate certificate = credentials.certificates().get(0);
    String name = name(certificate);
    if (name.isBlank()) {
      throw AuthenticationException.refused(
          "the client's certificate has no name, expected a URI, a DNS name or a common name");
    }
    return Optional.of(
        new Verified(
            Caller.ofCertificate(name), Optional.of(certificate.getNotAfter().toInstant())));
  }

  private static String name(X509Certificate certificate) throws AuthenticationException {
    try {
      Collection<List<?>> names = certificate.getSubjectAlternativeNames();
      if (names != null) {
        for (int kind : List.of(URI, DNS)) {
          for (List<?> name : names) {
            if (name.get(0).equals(kind)) {
              return String.valueOf(name.get(1));
            }
          }
        }
      }
      for (Rdn part : new LdapName(certificate.getSubjectX500Principal().getName()).getRdns()) {
        if (part.getType().equalsIgnoreCase("CN")) {
          return String.valueOf(part.getValue());
        }
      }
      return "";
    } catch (CertificateParsingException | InvalidNameException e) {
      throw AuthenticationException.refused(
          "the client's certificate has names that can't be read");
    }
  }
}
