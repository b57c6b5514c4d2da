// Every route of synchronization through the published JavaScript SDK, with a credential of @azure/identity.
// tests/sdk/test_node.py starts it beside Entente and a target; the environment names both.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ClientSecretCredential } from "@azure/identity";
import { Client } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";

const { ENTENTE_URL, ENTENTE_TENANT, ENTENTE_CLIENT, ENTENTE_SECRET, TARGET_BASE, TARGET_TOKEN } = process.env;
const CUSTOM_APPLICATION = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621";

// What was asked, as methods and paths.
const asked = new Set();
const send = globalThis.fetch;
globalThis.fetch = (request, options) => {
  const method = options?.method ?? request.method ?? "GET";
  asked.add(`${method} ${new URL(request.url ?? request).pathname}`);
  return send(request, options);
};

function client(defaultVersion) {
  const credential = new ClientSecretCredential(ENTENTE_TENANT, ENTENTE_CLIENT, ENTENTE_SECRET, {
    authorityHost: ENTENTE_URL,
    disableInstanceDiscovery: true,
  });
  return Client.initWithMiddleware({
    authProvider: new TokenCredentialAuthenticationProvider(credential, {
      scopes: ["https://graph.microsoft.com/.default"],
    }),
    baseUrl: ENTENTE_URL,
    customHosts: new Set(["localhost"]),
    defaultVersion,
  });
}

async function refused(call, status, code) {
  await assert.rejects(call, (error) => {
    assert.equal(error.statusCode, status, error.message);
    assert.equal(error.code, code);
    return true;
  });
}

// What jobs and templates have in common.
async function schemaOf(graph, path) {
  const schema = await graph.api(path).get();
  schema.synchronizationRules[0].priority = 7;
  schema.oddity = { kept: true };
  await graph.api(path).put(schema);
  const changed = await graph.api(path).get();
  assert.equal(changed.synchronizationRules[0].priority, 7);
  assert.deepEqual(changed.oddity, { kept: true });
  await graph.api(path).patch({ synchronizationRules: changed.synchronizationRules });
  await graph.api(path).delete();
  assert.notEqual((await graph.api(path).get()).synchronizationRules[0].priority, 7);
  assert.ok((await graph.api(`${path}/functions()`).get()).value.length > 30);
  assert.ok((await graph.api(`${path}/filterOperators`).get()).value.length > 10);
  const parsed = await graph.api(`${path}/parseExpression`).post({ expression: "ToUpper([mail])" });
  assert.equal(parsed.parsedExpression.name, "ToUpper");
  const made = await graph.api(`${path}/directories`).post({ name: "Spare", objects: [] });
  await graph.api(`${path}/directories/${made.id}`).patch({ name: "Other" });
  assert.equal((await graph.api(`${path}/directories/${made.id}`).get()).name, "Other");
  assert.equal(Number(await graph.api(`${path}/directories/$count`).get()), 3);
  await graph.api(`${path}/directories/${made.id}`).delete();
  const directories = (await graph.api(`${path}/directories`).get()).value;
  const target = directories.find((one) => one.name === "customappsso");
  const found = await graph.api(`${path}/directories/${target.id}/discover`).post();
  assert.ok(found.discoveryDateTime);
}

async function templates(graph, path, application) {
  await graph.api(`${path}/templates`).post({ id: "Slack", applicationId: application.id, factoryTag: "CustomSCIM" });
  const listed = await graph.api(`${path}/templates`).count(true).select("id,factoryTag").get();
  assert.equal(listed["@odata.count"], Number(await graph.api(`${path}/templates/$count`).get()));
  assert.deepEqual(Object.keys(listed.value[0]).sort(), ["factoryTag", "id"]);
  await graph.api(`${path}/templates/Slack`).patch({ description: "Changed" });
  await graph.api(`${path}/templates/Slack`).put({ id: "Slack", factoryTag: "CustomSCIM", description: "Put" });
  const read = await graph.api(`${path}/templates/Slack`).expand("schema").get();
  assert.equal(read.description, "Put");
  assert.equal(read.schema.id, "Slack");
  await schemaOf(graph, `${path}/templates/Slack/schema`);
  await graph.api(`${path}/templates/Slack`).delete();
  await refused(graph.api(`${path}/templates/Slack`).get(), 404, "Request_ResourceNotFound");
}

async function jobs(graph, path) {
  const made = await graph.api(`${path}/jobs`).post({ templateId: "scim" });
  const listed = await graph.api(`${path}/jobs`).filter(`id eq '${made.id}'`).top(5).expand("schema").get();
  assert.deepEqual(listed.value.map((one) => one.schema.id), [made.id]);
  assert.equal(Number(await graph.api(`${path}/jobs/$count`).get()), 1);
  const job = `${path}/jobs/${made.id}`;
  const synchronizationJobSettings = [
    { name: "Interval", value: "PT1H" },
    { name: "TriggerOnChange", value: "false" },
  ];
  await graph.api(job).patch({ synchronizationJobSettings });
  assert.equal((await graph.api(job).get()).schedule.interval, "PT1H");
  await graph.api(`${job}/validateCredentials`).post({ useSavedCredentials: true });
  await schemaOf(graph, `${job}/schema`);
  const mailNickname = `ada${made.id.slice(-12)}`;
  const user = await graph.api("/users").post({
    accountEnabled: true,
    displayName: "Ada",
    mailNickname,
    passwordProfile: { password: "Not-a-secret-1" },
    userPrincipalName: `${mailNickname}@example.com`,
  });
  const rule = (await graph.api(`${job}/schema`).get()).synchronizationRules[0];
  const parameters = [{ ruleId: rule.id, subjects: [{ objectId: user.id, objectTypeName: "User" }] }];
  const done = await graph.api(`${job}/provisionOnDemand`).post({ parameters });
  assert.equal(JSON.parse(done.key).result, "Success");
  const log = await graph.api("/auditLogs/provisioning").filter(`jobId eq '${made.id}'`).get();
  assert.equal(log.value.length, 1);
  await graph.api(`${job}/start`).post({});
  await graph.api(`${job}/restart`).post({ criteria: { resetScope: "Full" } });
  await graph.api(`${job}/pause`).post({});
  assert.equal((await graph.api(job).get()).schedule.state, "Paused");
  await graph.api(job).delete();
  await refused(graph.api(job).get(), 404, "Request_ResourceNotFound");
}

// What clients upload to a job of another application.
async function uploads(graph, root) {
  const kinds = (await graph.api("/applicationTemplates").get()).value;
  const kind = kinds.find((one) => one.displayName.startsWith("API-driven"));
  const made = await graph.api(`/applicationTemplates/${kind.id}/instantiate`).post({ displayName: "People" });
  const owner = { servicePrincipals: made.servicePrincipal, applications: made.application }[root];
  const jobs = `/${root}/${owner.id}/synchronization/jobs`;
  const { id } = await graph.api(jobs).post({ templateId: "API2AAD" });
  const path = `${jobs}/${id}/bulkUpload`;
  assert.equal((await graph.api(path).patch(await graph.api(path).get())).id, id);
  const upload = (externalId) => ({
    schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
    Operations: [
      {
        method: "POST",
        bulkId: externalId,
        path: "/Users",
        data: { schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], externalId },
      },
    ],
    failOnErrors: null,
  });
  const typed = (place) => graph.api(place).header("Content-Type", "application/scim+json");
  await typed(path).post(upload("1"));
  await typed(`${path}/$value`).put(upload("2"));
  const kept = await graph.api(`${path}/$value`).responseType("json").get();
  assert.deepEqual(kept.Operations.map((one) => one.data.externalId), ["1", "2"]);
  await graph.api(`${path}/$value`).delete();
  await graph.api(path).delete();
}

for (const version of ["v1.0", "beta"]) {
  for (const root of ["servicePrincipals", "applications"]) {
    test(`synchronization under ${root}, ${version}`, async () => {
      const graph = client(version);
      const instantiate = `/applicationTemplates/${CUSTOM_APPLICATION}/instantiate`;
      const { application, servicePrincipal } = await graph.api(instantiate).post({ displayName: "From JavaScript" });
      const owner = { servicePrincipals: servicePrincipal, applications: application }[root];
      const path = `/${root}/${owner.id}/synchronization`;
      const secrets = [
        { key: "BaseAddress", value: TARGET_BASE },
        { key: "SecretToken", value: TARGET_TOKEN },
        { key: "SyncAll", value: "true" },
      ];
      await graph.api(`${path}/secrets`).put({ value: secrets.slice(0, 1) });
      await graph.api(path).put({ secrets });
      assert.equal((await graph.api(`${path}/secrets`).get()).value[0].value, "*");
      assert.equal(Number(await graph.api(`${path}/secrets/$count`).get()), 3);
      assert.equal((await graph.api(path).expand("jobs,templates").get()).jobs.length, 0);
      await graph.api(`${path}/ping()`).get();
      await refused(graph.api(`${path}/acquireAccessToken`).post({ credentials: [] }), 400, "CredentialsMissing");
      await graph.api(`${path}/jobs/validateCredentials`).post({ templateId: "scim", useSavedCredentials: true });
      await templates(graph, path, application);
      await jobs(graph, path);
      await uploads(graph, root);
      await graph.api(path).delete();
      assert.deepEqual((await graph.api(path).get()).secrets, []);
    });
  }
}

test("a wrong secret is refused", async () => {
  const credential = new ClientSecretCredential(ENTENTE_TENANT, ENTENTE_CLIENT, "wrong", {
    authorityHost: ENTENTE_URL,
    disableInstanceDiscovery: true,
  });
  await assert.rejects(credential.getToken("https://graph.microsoft.com/.default"), /AADSTS7000215|invalid_client/);
});

test("every route of synchronization was asked", async () => {
  const { paths } = await (await send(`${ENTENTE_URL}/openapi.json`)).json();
  const segments = (path) => path.replace("()", "").split("/").slice(2);
  const fits = (wanted, path) =>
    wanted.length === path.length && wanted.every((one, place) => one.startsWith("{") || one === path[place]);
  const missing = [];
  let wanted = 0;
  // Entente's own operations are in beta alone.
  for (const [path, operations] of Object.entries(paths).filter(([path]) => path.startsWith("/v1.0/"))) {
    for (const method of Object.keys(operations).filter((name) => name !== "parameters")) {
      if (!path.includes("/synchronization")) continue;
      wanted += 1;
      for (const version of ["v1.0", "beta"]) {
        const begin = `${method.toUpperCase()} /${version}/`;
        const same = [...asked].filter((one) => one.startsWith(begin));
        if (!same.some((one) => fits(segments(path), segments(one.split(" ")[1])))) missing.push(`${begin} ${path}`);
      }
    }
  }
  assert.ok(wanted > 90, `${wanted} routes`);
  assert.deepEqual(missing, []);
});
