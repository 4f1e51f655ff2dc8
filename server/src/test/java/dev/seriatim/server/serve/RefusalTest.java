package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the server program refuses to do with its options. */
final class RefusalTest {
  private static final String PLAIN =
      "refusing to listen on 0.0.0.0:0 in plain text: give --tls-certificate and --tls-key, or say"
          + " --insecure=transport";

  private static final String UNKNOWN =
      "refusing to listen on 0.0.0.0:0 for callers who aren't known: give --tls-client-ca,"
          + " --auth-tokens or --auth-jwks, or say --insecure=callers";

  @TempDir private Path directory;

  private static String tls(String name) throws Exception {
    return Path.of(RefusalTest.class.getResource("/tls/" + name).toURI()).toString();
  }

  private String[] options(String text) throws Exception {
    Path tokens = Files.writeString(directory.resolve("tokens"), "# none\n");
    List<String> options = new ArrayList<>(List.of("--data=memory"));
    for (String option : text.isBlank() ? new String[0] : text.split(" ")) {
      options.add(
          option
              .replace("CERTIFICATE", "--tls-certificate=" + tls("server.pem"))
              .replace("KEY", "--tls-key=" + tls("server.key"))
              .replace("CA", "--tls-client-ca=" + tls("ca.pem"))
              .replace("TOKENS", "--auth-tokens=" + tokens));
    }
    return options.toArray(String[]::new);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--listen=0.0.0.0:0",
        "--listen=0.0.0.0:0 TOKENS",
        "--listen=0.0.0.0:0 --insecure=callers",
      })
  void beyondLoopbackNothingIsServedInPlainText(String options) throws Exception {
    assertThat(OpenServer.refusal(Map.of(), options(options))).startsWith(PLAIN);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--listen=0.0.0.0:0 CERTIFICATE KEY",
        "--listen=0.0.0.0:0 --insecure=transport",
        "--listen=0.0.0.0:0 CERTIFICATE KEY --insecure=transport",
      })
  void beyondLoopbackCallersAreKnown(String options) throws Exception {
    assertThat(OpenServer.refusal(Map.of(), options(options))).startsWith(UNKNOWN);
  }

  /** It gets as far as to look for objects, and finds none. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "--listen=127.0.0.2:0",
        "--listen=[::1]:0",
        "--listen=localhost:0",
        "--listen=0.0.0.0:0 --insecure",
        "--listen=0.0.0.0:0 --insecure=all",
        "--listen=0.0.0.0:0 --insecure=TRANSPORT TOKENS",
        "--listen=0.0.0.0:0 CERTIFICATE KEY --insecure=callers",
        "--listen=0.0.0.0:0 CERTIFICATE KEY CA",
        "--listen=0.0.0.0:0 CERTIFICATE KEY TOKENS",
      })
  void otherwiseItIsServed(String options) throws Exception {
    assertThat(OpenServer.refusal(Map.of(), options(options))).startsWith("no objects: ");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "CERTIFICATE                      | --tls-certificate without --tls-key, expected both or"
            + " neither",
        "KEY                              | --tls-key without --tls-certificate",
        "CA                               | --tls-client-ca without TLS",
        "CERTIFICATE KEY --tls-client-auth=optional | --tls-client-auth without --tls-client-ca",
        "CERTIFICATE --tls-key=/none      | --tls-key '/none': there is no such file",
        "--auth-tokens=/none              | tokens '/none': there is no such file",
        "--auth-issuer=i                  | --auth-issuer without --auth-jwks",
        "--auth-jwks=k                    | --auth-jwks without --auth-issuer, expected whom the"
            + " tokens must be made by",
        "--auth-jwks=k --auth-issuer=i    | --auth-jwks without --auth-audience, expected whom the"
            + " tokens must be for",
        "--auth-jwks=http://192.0.2.1/k --auth-issuer=i --auth-audience=a | in plain text from"
            + " another machine, expected https",
        "--insecure=both                  | expected one of",
        "--look-interval=0                | --look-interval: 0.0, expected more than 0",
        "--store-password-file=/none      | --store-password-file without --store",
        "--cluster-tls-key=k              | expected all three, or none",
        "--cluster-tls-key=k --cluster-tls-ca=c --cluster-tls-certificate=p | are of use with"
            + " --cluster only",
      })
  void optionsThatGoTogetherGoTogether(String options, String expected) throws Exception {
    assertThat(OpenServer.refusal(Map.of(), options(options))).contains(expected);
  }

  @Test
  void aKeyOfAnotherCertificateIsRefused() throws Exception {
    assertThat(
            OpenServer.refusal(
                Map.of(),
                "--tls-certificate",
                tls("server.pem"),
                "--tls-key",
                tls("next-server.key")))
        .contains("is not the key of --tls-certificate");
  }

  @Test
  void whatIsNoCertificateIsRefused() throws Exception {
    String text = Files.writeString(directory.resolve("text"), "-----BEGIN none").toString();

    assertThat(
            OpenServer.refusal(Map.of(), "--tls-certificate", text, "--tls-key", tls("server.key")))
        .contains("--tls-certificate '" + text + "', expected certificates in PEM");
    assertThat(
            OpenServer.refusal(Map.of(), "--tls-certificate", tls("server.pem"), "--tls-key", text))
        .contains("--tls-key '" + text + "', expected a private key");
  }

  @Test
  void aPasswordStandsInOnePlace() throws Exception {
    Path file = Files.writeString(directory.resolve("password"), "\n");

    assertThat(
            OpenServer.refusal(
                Map.of(),
                "--store=jdbc:postgresql://h/d?user=u&password=p",
                "--store-password-file=" + file))
        .contains("beside a password in --store");
    assertThat(
            OpenServer.refusal(
                Map.of(), "--store=jdbc:postgresql://h/d", "--store-password-file=" + file))
        .contains("is empty, expected a password");
  }
}
