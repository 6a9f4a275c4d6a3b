import { describe, expect, test } from "vitest";
import { isThisMachine, NoProxy } from "./no-proxy.ts";

/** Those of `hosts` that the list names, on port 443. */
function named(list: string, hosts: readonly string[], port = 443): string[] {
  const noProxy = new NoProxy(list);
  return hosts.filter((host) => noProxy.matches(host, port));
}

describe("[hyper-230] NoProxy", () => {
  test("a domain is itself and all its subdomains, in any case, with or without a leading dot", () => {
    const hosts = [
      "google.com",
      "www.google.com",
      "a.b.google.com",
      "notgoogle.com",
      "google.com.evil",
      "com",
      "google.co",
    ];
    const expected = ["google.com", "www.google.com", "a.b.google.com"];
    for (const list of ["google.com", ".google.com", "GOOGLE.com", "*.google.com", "google.com."]) {
      expect(named(list, hosts)).toEqual(expected);
    }
    expect(named("google.com", ["Google.COM", "WWW.google.com."])).toEqual(["Google.COM", "WWW.google.com."]);
  });

  test("* is every host, alone or among others; within a name it is nothing special", () => {
    const hosts = ["a.example", "10.0.0.1", "::1"];
    expect(named("*", hosts)).toEqual(hosts);
    expect(named("b.example, *", hosts)).toEqual(hosts);
    expect(named("*example", hosts)).toEqual([]);
  });

  test("entries stand between commas and blanks; empty ones are nothing", () => {
    const hosts = ["a.example", "b.example", "c.example", "d.example"];
    expect(named(" a.example ,b.example,, c.example\tx.example ", hosts)).toEqual([
      "a.example",
      "b.example",
      "c.example",
    ]);
    expect(named("", hosts)).toEqual([]);
    expect(named(" , . ,", hosts)).toEqual([]);
  });

  test("an IP address is compared by value, not by text, and is no suffix", () => {
    expect(named("10.0.0.1", ["10.0.0.1", "10.0.0.10", "110.0.0.1", "x.10.0.0.1"])).toEqual(["10.0.0.1"]);
    expect(named("2001:db8::1", ["2001:DB8:0:0::1", "[2001:db8::1]", "2001:db8::11"])).toEqual([
      "2001:DB8:0:0::1",
      "[2001:db8::1]",
    ]);
    expect(named("[2001:db8::1]", ["2001:db8::1"])).toEqual(["2001:db8::1"]);
    expect(named("10.0.0.1", ["::ffff:10.0.0.1"])).toEqual(["::ffff:10.0.0.1"]);
    expect(named("fe80::1", ["fe80::1%eth0"])).toEqual(["fe80::1%eth0"]);
  });

  test("networks of both families, from all bits to none", () => {
    const v4 = ["10.1.2.3", "10.255.255.255", "11.0.0.0", "9.255.255.255"];
    expect(named("10.0.0.0/8", v4)).toEqual(["10.1.2.3", "10.255.255.255"]);
    expect(named("10.1.2.3/32", v4)).toEqual(["10.1.2.3"]);
    expect(named("0.0.0.0/0", [...v4, "::1"])).toEqual(v4);
    // Bits behind the prefix do not count.
    expect(named("10.1.2.3/9", v4)).toEqual(["10.1.2.3"]);
    const v6 = ["fd00::1", "fdff:ffff::", "fe00::"];
    expect(named("fd00::/8", v6)).toEqual(["fd00::1", "fdff:ffff::"]);
    expect(named("[fd00::]/8", v6)).toEqual(["fd00::1", "fdff:ffff::"]);
    expect(named("fd00::1/128", v6)).toEqual(["fd00::1"]);
    expect(named("::/0", ["fd00::1"])).toEqual(["fd00::1"]);
  });

  test("networks that are none are ignored, and the rest of the list holds", () => {
    expect(
      named("10.0.0.0/33, fd00::/129, 10.0.0.0/, 10.0.0.0/x, 10.0.0/8, name/8, 11.0.0.0", [
        "10.0.0.0",
        "fd00::",
        "11.0.0.0",
      ]),
    ).toEqual(["11.0.0.0"]);
  });

  test("with a port an entry stands for that port only", () => {
    const hosts = ["a.example", "w.b.example", "10.0.0.1", "::1", "fd00::1"];
    const list = "a.example:8080, .b.example:8080, 10.0.0.1:8080, [::1]:8080, fd00::1";
    expect(named(list, hosts, 8080)).toEqual(hosts);
    expect(named(list, hosts, 443)).toEqual(["fd00::1"]);
  });
});

test("this machine: localhost and below, 127.0.0.0/8, ::1", () => {
  const own = ["localhost", "LOCALHOST", "a.localhost", "localhost.", "127.0.0.1", "127.9.9.9", "::1", "[::1]"];
  expect(own.filter(isThisMachine)).toEqual(own);
  const others = ["notlocalhost", "localhost.example", "128.0.0.1", "::2", "0.0.0.0", "example"];
  expect(others.filter(isThisMachine)).toEqual([]);
});
