package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectIds;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.protobuf.ProtoUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a policy allows, and what it refuses to be. */
final class PolicyTest {
  private static final ServedNamespace CART =
      new ServedNamespace("CART", "cart-key", ProbeGrpc.getServiceDescriptor());

  private static final ServedNamespace CATALOG =
      new ServedNamespace("CATALOG", "catalog-key", ProbeGrpc.getServiceDescriptor());

  private static final DurableObjectIds CART_IDS = new DurableObjectIds("cart-key");

  private static final Caller ANN =
      Caller.ofToken("ann", Set.of("shoppers"), Map.of("tenant", "acme", "empty", ""));

  private static final Caller BOB = Caller.ofToken("bob", Set.of("shoppers", "oncall"), Map.of());
  private static final Caller STAR = Caller.ofToken("*", Set.of("shoppers"), Map.of("tenant", "*"));
  private static final Caller BILLING = Caller.ofCertificate("spiffe://acme/billing");
  private static final Caller FAKE = Caller.ofToken("spiffe://acme/billing", Set.of(), Map.of());

  private static final Map<String, Caller> CALLERS =
      Map.of(
          "nobody", Caller.anonymous(),
          "ann", ANN,
          "bob", BOB,
          "star", STAR,
          "billing", BILLING,
          "fake", FAKE);

  @TempDir private Path directory;

  /** How an object is opened: by a name, by the id of a name, or as a unique one. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // Whom a rule is for.
        "nobody  | name x | *                          | *",
        "nobody  | name x | name:*                     | -",
        "ann     | name x | name:*                     | *",
        "ann     | name x | ann                        | *",
        "bob     | name x | ann                        | -",
        "ann     | name x | group:shoppers             | *",
        "ann     | name x | group:shop*                | *",
        "ann     | name x | group:ann                  | -",
        "ann     | name x | token:ann                  | *",
        "ann     | name x | cert:ann                   | -",
        "billing | name x | cert:spiffe://acme/billing | *",
        "billing | name x | cert:spiffe://acme/*       | *",
        "billing | name x | cert:spiffe://acme         | -",
        "billing | name x | token:*                    | -",
        "billing | name x | name:spiffe://acme/billing | *",
        "fake    | name x | cert:spiffe://acme/billing | -",
      })
  void aRuleIsForWhomItNames(String caller, String object, String who, String expected)
      throws Exception {
    Policy policy = policy("{'who': ['" + who + "'], 'namespaces': ['CART']}");

    assertAccess(policy, caller, "CART", object, expected);
    assertAccess(policy, caller, "CATALOG", object, "-");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ann    | name ann       | ${name}            | *",
        "ann    | name bob       | ${name}            | -",
        "ann    | name ann2      | ${name}            | -",
        "ann    | name ann/2     | ${name}/*          | *",
        "ann    | name ann/      | ${name}/*          | *",
        "ann    | name ann       | ${name}/*          | -",
        "ann    | name acme/7    | ${claims.tenant}/* | *",
        "ann    | name evil/7    | ${claims.tenant}/* | -",
        "ann    | name ann@acme  | ${name}@${claims.tenant} | *",
        // What the caller hasn't, or what is empty, matches nothing.
        "bob    | name /7        | ${claims.tenant}/* | -",
        "bob    | name acme/7    | ${claims.tenant}/* | -",
        "ann    | name anything  | ${claims.empty}*   | -",
        "nobody | name x         | ${name}*           | -",
        // Whoever is called a star is called a star.
        "star   | name *         | ${name}            | *",
        "star   | name ann       | ${name}            | -",
        "star   | name acme/7    | ${claims.tenant}/* | -",
        "star   | name */7       | ${claims.tenant}/* | *",
        // Patterns.
        "ann    | name a-b-c     | a*c                | *",
        "ann    | name a-b-c     | a*b*c              | *",
        "ann    | name ac        | a*c                | *",
        "ann    | name abab      | *ab                | *",
        "ann    | name aba       | ab*ba              | -",
        "ann    | name x         | y                  | -",
        "ann    | name x         | *                  | *",
        // By id: only what names just this object, or everything.
        "ann    | id ann         | ${name}            | *",
        "ann    | id bob         | ${name}            | -",
        "ann    | id ann/2       | ${name}/*          | -",
        "ann    | id acme/7      | ${claims.tenant}/* | -",
        "ann    | id acme/7      | ${claims.tenant}/7 | *",
        "ann    | id x           | *                  | *",
        "ann    | id x           | **                 | *",
        "ann    | id x           | *x                 | -",
        "star   | id *           | ${name}            | *",
        "star   | id ann         | ${name}            | -",
        "bob    | id bob         | ${claims.tenant}   | -",
        "ann    | unique         | ${name}            | -",
        "ann    | unique         | *                  | *",
      })
  void anObjectIsAllowedByItsName(String caller, String object, String pattern, String expected)
      throws Exception {
    Policy policy =
        policy("{'who': ['*'], 'namespaces': ['CART'], 'objects': ['none', '" + pattern + "']}");

    assertAccess(policy, caller, "CART", object, expected);
    assertAccess(policy, caller, "CATALOG", object, "-");
  }

  @Test
  void whatRulesAllowIsUnited() throws Exception {
    List<String> methods = List.copyOf(CART.methods());
    String first = methods.get(0);
    String second = methods.get(1);
    Policy policy =
        policy(
            "{'who': ['*'], 'namespaces': ['*'], 'methods': ['" + first + "']}",
            "{'who': ['group:shoppers'], 'namespaces': ['CART'], 'methods': ['"
                + second
                + "'],"
                + " 'objects': ['${name}']}",
            "{'who': ['bob'], 'namespaces': ['CART'], 'methods': ['*'], 'objects': ['x']}");

    assertAccess(policy, "nobody", "CART", "name ann", first);
    assertAccess(policy, "ann", "CART", "name x", first);
    assertAccess(policy, "ann", "CART", "name ann", first + " " + second);
    assertAccess(policy, "ann", "CART", "id ann", first + " " + second);
    assertAccess(policy, "ann", "CART", "id bob", first);
    assertAccess(policy, "ann", "CATALOG", "name ann", first);
    assertAccess(policy, "bob", "CART", "name x", "*");
    assertAccess(policy, "bob", "CART", "unique", first);
  }

  @Test
  void rightsAreUnited() throws Exception {
    Policy policy =
        policy(
            "{'who': ['group:shoppers'], 'admin': ['read']}",
            "{'who': ['group:oncall'], 'namespaces': ['CART'], 'admin': ['call', 'control']}",
            "{'who': ['cert:*'], 'admin': ['*']}");

    assertThat(policy.adminRights(Caller.anonymous())).isEmpty();
    assertThat(policy.adminRights(ANN)).containsExactly(AdminRight.READ);
    assertThat(policy.adminRights(BOB))
        .containsExactly(AdminRight.READ, AdminRight.CALL, AdminRight.CONTROL);
    assertThat(policy.adminRights(BILLING)).containsExactlyElementsIn(AdminRight.values());
    assertAccess(policy, "ann", "CART", "name x", "-");
    assertAccess(policy, "bob", "CART", "name x", "*");
  }

  @Test
  void nothingIsAllowedWithoutRules() throws Exception {
    assertAccess(policy(), "ann", "CART", "name x", "-");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'who': ['*'], 'namespace': ['CART']}               | unknown field 'namespace', expected"
            + " one of [who, namespaces, methods, objects, admin]",
        "{'namespaces': ['CART']}                            | rules[1] is for nobody",
        "{'who': ['*']}                                      | rules[1] allows nothing",
        "{'who': ['*'], 'objects': ['x']}                    | rules[1] has no namespaces",
        "{'who': ['*'], 'methods': ['Get'], 'admin': ['*']}  | rules[1] has no namespaces",
        "{'who': ['role:x'], 'namespaces': ['CART']}         | rules[1].who[0] 'role:x', expected"
            + " *, NAME",
        "{'who': ['group:'], 'namespaces': ['CART']}         | rules[1].who[0] 'group:' names"
            + " nobody",
        "{'who': [''], 'namespaces': ['CART']}               | rules[1].who[0] '' names nobody",
        "{'who': ['*', 7], 'namespaces': ['CART']}           | $.rules[1].who[1] is NUMBER,"
            + " expected a string",
        "{'who': '*', 'namespaces': ['CART']}                | $.rules[1].who is STRING, expected a"
            + " list",
        "{'who': null, 'namespaces': ['CART']}               | $.rules[1].who is NULL, expected a"
            + " list",
        "{'who': ['*'], 'who': ['ann'], 'admin': ['*']}      | 'who' a second time",
        "{'who': ['*'], 'namespaces': ['KART']}              | rules[1].namespaces[0] 'KART',"
            + " expected one of [CART, CATALOG] or *",
        "{'who': ['*'], 'namespaces': ['CART'], 'methods': ['Steal']} | rules[1].methods[0]"
            + " 'Steal', expected one of [",
        "{'who': ['*'], 'namespaces': ['CART'], 'objects': ['${nam}']} | rules[1].objects[0]"
            + " '${nam}', expected ${name} or ${claims.CLAIM}",
        "{'who': ['*'], 'namespaces': ['CART'], 'objects': ['${claims.}']} | rules[1].objects[0]"
            + " '${claims.}', expected",
        "{'who': ['*'], 'namespaces': ['CART'], 'objects': ['a${name']} | rules[1].objects[0]"
            + " 'a${name' has a ${ without a }",
        "{'who': ['*'], 'namespaces': ['CART'], 'objects': ['']} | rules[1].objects[0] is empty",
        "{'who': ['*'], 'admin': ['write']}                  | rules[1].admin[0] 'write', expected"
            + " one of [read, data, call, edit, control] or *",
        "{'who': ['*'], 'admin': ['read']                    | not JSON, or not to its end",
        "{'who': ['*'], 'admin': ['read'],}                  | not JSON, or not to its end",
        "7                                                   | $.rules[1] is NUMBER, expected an"
            + " object",
      })
  void whatIsWrongIsToldWithItsLine(String rule, String expected) throws Exception {
    Path file = write("{'who': ['ann'], 'namespaces': ['CART']}", rule);

    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class, () -> Policy.read(file).begin(List.of(CART, CATALOG)));

    assertThat(refused).hasMessageThat().contains("policy '" + file + "': line ");
    assertThat(refused).hasMessageThat().contains(expected);
  }

  @Test
  void theLineIsThatOfTheFault() throws Exception {
    Path file = directory.resolve("policy.json");
    Files.writeString(
        file,
        "{\"rules\": [\n  {\"who\": [\"ann\",\n    \"role:x\"],\n  \"namespaces\": [\"CART\"]}]}");

    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> Policy.read(file));

    assertThat(refused).hasMessageThat().contains(": line 3: rules[0].who[1] 'role:x'");
  }

  @Test
  void moreThanAPolicyIsNone() throws Exception {
    Path file = directory.resolve("policy.json");
    for (String text : List.of("", "[]", "{\"rules\": []} {}", "{\"rules\": []}}", "\0")) {
      Files.writeString(file, text);

      IllegalArgumentException refused =
          assertThrows(IllegalArgumentException.class, () -> Policy.read(file), text);

      assertThat(refused).hasMessageThat().contains(": line 1: ");
    }
    Files.write(file, new byte[] {'{', (byte) 0xff, '}'});
    assertThat(assertThrows(IllegalArgumentException.class, () -> Policy.read(file)))
        .hasMessageThat()
        .contains("not UTF-8");
    Files.delete(file);
    assertThat(assertThrows(IllegalArgumentException.class, () -> Policy.read(file)))
        .hasMessageThat()
        .contains("there is no such file");
  }

  @Test
  void anotherFileIsInForceAndABadOneIsNot() throws Exception {
    Policy policy = policy("{'who': ['ann'], 'namespaces': ['CART']}");
    AtomicInteger changes = new AtomicInteger();
    policy.onChange(changes::incrementAndGet);

    assertThat(policy.reload()).isFalse();
    write("{'who': ['bob'], 'namespaces': ['CART']}");
    assertThat(policy.reload()).isTrue();
    assertThat(changes.get()).isEqualTo(1);
    assertAccess(policy, "ann", "CART", "name x", "-");
    assertAccess(policy, "bob", "CART", "name x", "*");

    for (String bad :
        List.of("{'who': ['*'], 'namespaces': ['KART']}", "{'who': ['*'], 'oops': []}", "{")) {
      write(bad);
      assertThat(policy.reload()).isFalse();
      assertAccess(policy, "ann", "CART", "name x", "-");
      assertAccess(policy, "bob", "CART", "name x", "*");
    }
    Files.delete(directory.resolve("policy.json"));
    assertThat(policy.reload()).isFalse();
    assertAccess(policy, "bob", "CART", "name x", "*");
    assertThat(changes.get()).isEqualTo(1);

    write("{'who': ['ann'], 'namespaces': ['CART']}");
    assertThat(policy.reload()).isTrue();
    assertThat(changes.get()).isEqualTo(2);
    assertAccess(policy, "ann", "CART", "name x", "*");
  }

  @Test
  void aPolicyIsOneHosts() throws Exception {
    Policy policy = policy();

    assertThrows(IllegalStateException.class, () -> policy.begin(List.of(CART)));
  }

  /** Whatever a caller is called, its name gives it nothing but its own objects. */
  @Test
  void noNameIsAPattern() throws Exception {
    Policy policy =
        policy(
            "{'who': ['*'], 'namespaces': ['CART'], 'objects': ['u/${name}', 't/${claims.t}/*']}");
    Seeds.each(1, seed -> compareNames(policy, new Random(seed)));
  }

  private static void compareNames(Policy policy, Random random) {
    for (int i = 0; i < 2_000; i++) {
      String name = text(random);
      String tenant = text(random);
      String object = (random.nextBoolean() ? "u/" : "t/") + text(random) + "/" + text(random);
      Caller caller = Caller.ofToken(name, Set.of(), Map.of("t", tenant));
      boolean own = object.equals("u/" + name) || object.startsWith("t/" + tenant + "/");
      assertWithMessage("%s of %s opens %s", name, tenant, object)
          .that(access(policy, caller, "CART", "name " + object))
          .isEqualTo(own ? Access.all() : Access.denied());
      assertWithMessage("%s of %s opens the id of %s", name, tenant, object)
          .that(access(policy, caller, "CART", "id " + object))
          .isEqualTo(object.equals("u/" + name) ? Access.all() : Access.denied());
    }
  }

  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    do {
      text.append("ab*/${}.".charAt(random.nextInt(8)));
    } while (random.nextInt(3) > 0);
    return text.toString();
  }

  private Policy policy(String... rules) throws IOException {
    Policy policy = Policy.read(write(rules));
    policy.begin(List.of(CART, CATALOG));
    return policy;
  }

  /** A rule on each line, from the second; with ' for ". */
  private Path write(String... rules) throws IOException {
    Path file = directory.resolve("policy.json");
    String text = "{'rules': [\n" + String.join(",\n", rules) + "\n]}";
    return Files.writeString(file, text.replace('\'', '"'));
  }

  private static void assertAccess(
      Policy policy, String caller, String namespace, String object, String expected) {
    List<String> methods = new ArrayList<>(Arrays.asList(expected.split(" ")));
    assertThat(access(policy, requireNonNull(CALLERS.get(caller)), namespace, object))
        .isEqualTo(
            expected.equals("*")
                ? Access.all()
                : expected.equals("-") ? Access.denied() : Access.methods(Set.copyOf(methods)));
  }

  private static Access access(Policy policy, Caller caller, String namespace, String object) {
    if (object.equals("unique")) {
      return policy.access(caller, namespace, Optional.empty(), CART_IDS.newUniqueId());
    }
    String name = object.substring(object.indexOf(' ') + 1);
    DurableObjectId id = CART_IDS.fromName(name);
    return policy.access(
        caller, namespace, object.startsWith("name ") ? Optional.of(name) : Optional.empty(), id);
  }

  /** docs/callers.md shows a policy, and says what it allows. */
  @Test
  void thePolicyOfTheDocumentationAllowsWhatItSays() throws Exception {
    String page = Files.readString(Path.of("../docs/callers.md"));
    int begin = page.indexOf("{\"rules\"");
    Path file = directory.resolve("policy.json");
    Files.writeString(file, page.substring(begin, page.indexOf("```", begin)));
    List<ServedNamespace> namespaces = new ArrayList<>();
    for (String name : List.of("CATALOG", "CART", "ACCOUNT")) {
      namespaces.add(
          new ServedNamespace(
              name,
              name.equals("CART") ? CART.uniqueKey() : name,
              ServiceDescriptor.newBuilder("acme." + name)
                  .addMethod(method("acme." + name + "/Get"))
                  .addMethod(method("acme." + name + "/List"))
                  .addMethod(method("acme." + name + "/Put"))
                  .build()));
    }
    Policy policy = Policy.read(file);
    policy.begin(namespaces);

    assertAccess(policy, "nobody", "CATALOG", "name x", "Get List");
    assertAccess(policy, "nobody", "CART", "name x", "-");
    assertAccess(policy, "ann", "CART", "name ann", "*");
    assertAccess(policy, "ann", "CART", "id ann", "*");
    assertAccess(policy, "ann", "CART", "name acme/7", "*");
    assertAccess(policy, "ann", "CART", "id acme/7", "-");
    assertAccess(policy, "ann", "CART", "name bob", "-");
    assertAccess(policy, "ann", "CART", "id bob", "-");
    assertAccess(policy, "ann", "CART", "unique", "-");
    assertAccess(policy, "billing", "ACCOUNT", "name x", "*");
    assertAccess(policy, "fake", "ACCOUNT", "name x", "-");
    assertThat(policy.adminRights(BOB)).containsExactly(AdminRight.READ, AdminRight.CALL);
  }

  private static MethodDescriptor<Words, Words> method(String name) {
    return MethodDescriptor.<Words, Words>newBuilder()
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName(name)
        .setRequestMarshaller(ProtoUtils.marshaller(Words.getDefaultInstance()))
        .setResponseMarshaller(ProtoUtils.marshaller(Words.getDefaultInstance()))
        .build();
  }
}
