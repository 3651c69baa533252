import { randomBytes } from 'node:crypto';
import { type Allocator, withDefaults } from './defaults.ts';
import { asArray, asObject, asString, type JsonObject, valueAt } from './json.ts';
import { applyPatch, PATCH_TYPES, PatchError, type PatchType } from './patch.ts';
import { RESOURCES, type Resource } from './resources.ts';
import type { ResourceRequest } from './routes.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  invalid,
  methodNotAllowed,
  notFound,
  unsupportedMediaType,
} from './statuses.ts';
import { contentOf, type Store, type StoredObject } from './store.ts';
import { validate } from './validation.ts';

/** What a write leads to. */
export interface Written {
  readonly code: 200 | 201;
  readonly object: StoredObject;
}

/** Creates, changes and deletes objects as the API does: with defaults, checks and conflicts. */
export class Writer {
  private readonly store: Store;
  private readonly allocator: Allocator;

  constructor(store: Store, allocator: Allocator) {
    this.store = store;
    this.allocator = allocator;
  }

  /** @throws Refusal */
  create(request: ResourceRequest, body: unknown): Written {
    const { resource, namespace } = request;
    const given = this.objectOf(resource, body);
    const metadata = { ...asObject(given['metadata']) };
    const prefix = asString(metadata['generateName']);
    if (metadata['name'] === undefined && prefix !== undefined) {
      metadata['name'] = prefix + randomBytes(3).toString('hex').slice(0, 5);
    }
    checkNamespace(resource, namespace, metadata);
    if (resource.namespaced) metadata['namespace'] = namespace;
    const key = keyOf(namespace, asString(metadata['name']) ?? '');
    if (this.store.get(resource, key) !== undefined)
      throw alreadyExists(resource, asString(metadata['name']) ?? '');
    for (const field of ['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'deletionTimestamp']) {
      delete metadata[field];
    }
    return {
      code: 201,
      object: this.store.write(resource, this.admit(resource, { ...given, metadata }, undefined)),
    };
  }

  /** @throws Refusal */
  update(request: ResourceRequest, body: unknown): Written {
    const { resource, name, namespace } = request;
    const current = this.current(request);
    const given = this.objectOf(resource, body);
    const metadata = asObject(given['metadata']) ?? {};
    if ((metadata['name'] ?? name) !== name) {
      const message = `the name of the object (${metadata['name']}) does not match the name on the URL (${name})`;
      throw badRequest(message);
    }
    checkNamespace(resource, namespace, metadata);
    return { code: 200, object: this.replace(request, current, given) };
  }

  /**
   * @param type the request's Content-Type
   * @throws Refusal
   */
  patch(request: ResourceRequest, type: string, body: unknown): Written {
    const { resource, name } = request;
    const patchType = PATCH_TYPES.find((known): known is PatchType => known === type);
    if (patchType === undefined) throw unsupportedMediaType(type, PATCH_TYPES);
    const key = keyOf(request.namespace, name);
    if (patchType === 'application/apply-patch+yaml' && this.store.get(resource, key) === undefined) {
      return this.create(request, body);
    }
    const current = this.current(request);
    const shown = showing(resource, contentOf(current));
    try {
      const patched = applyPatch(patchType, resource.kind, shown, body);
      return { code: 200, object: this.replace(request, current, this.objectOf(resource, patched)) };
    } catch (error) {
      if (!(error instanceof PatchError)) throw error;
      const message = `Invalid value: ${error.message}`;
      throw invalid(resource.kind, resource.group, name, [
        { reason: 'FieldValueInvalid', message, field: 'patch' },
      ]);
    }
  }

  /**
   * Deletes, or marks as being deleted what has finalizers.
   * @param options a DeleteOptions object, or nothing
   * @returns the object as it was
   * @throws Refusal
   */
  delete(request: ResourceRequest, options: unknown): StoredObject {
    const { resource, name } = request;
    const current = this.current(request);
    const wanted = asObject(valueAt(options, 'preconditions')) ?? {};
    if (asString(wanted['uid']) !== undefined && wanted['uid'] !== current.uid) {
      const why = `Precondition failed: UID in precondition: ${wanted['uid']}, UID in object meta: ${current.uid}`;
      throw conflict(resource, name, why);
    }
    const version = asString(wanted['resourceVersion']);
    if (version !== undefined && version !== String(current.revision)) {
      const why = `Precondition failed: resourceVersion in precondition: ${version}, in object meta: ${current.revision}`;
      throw conflict(resource, name, why);
    }
    const content = contentOf(current);
    const metadata = asObject(content['metadata']) ?? {};
    if ((asArray(metadata['finalizers']) ?? []).length > 0) {
      const deletionTimestamp = metadata['deletionTimestamp'] ?? `${new Date().toISOString().slice(0, 19)}Z`;
      return this.store.write(resource, {
        ...content,
        metadata: { ...metadata, deletionTimestamp, deletionGracePeriodSeconds: 0 },
      });
    }
    this.remove(resource, current);
    return current;
  }

  /** Completes an object as the API does before it is stored, without checking it. */
  complete(resource: Resource, shown: JsonObject, previous: JsonObject | undefined): JsonObject {
    return withDefaults(resource.kind, resource.view?.store(shown) ?? shown, previous, this.allocator);
  }

  /** Deletes an object; with a Namespace goes what is in it. */
  remove(resource: Resource, object: StoredObject): void {
    if (resource.kind === 'Namespace') {
      for (const inner of RESOURCES) {
        for (const content of this.store.list(inner)) {
          if (content.namespace === object.name) this.store.remove(inner, content.key);
        }
      }
    }
    this.store.remove(resource, object.key);
  }

  private admit(resource: Resource, shown: JsonObject, previous: JsonObject | undefined): JsonObject {
    const completed = this.complete(resource, shown, previous);
    validate(resource, completed);
    return completed;
  }

  private replace(request: ResourceRequest, current: StoredObject, given: JsonObject): StoredObject {
    const { resource, name, namespace, subresource } = request;
    const previous = contentOf(current);
    const version = asString(valueAt(given, 'metadata', 'resourceVersion')) ?? '';
    if (version !== '' && version !== String(current.revision)) {
      const why =
        'the object has been modified; please apply your changes to the latest version and try again';
      throw conflict(resource, name, why);
    }
    const uid = asString(valueAt(given, 'metadata', 'uid')) ?? '';
    if (uid !== '' && uid !== current.uid) {
      const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.uid}`;
      throw conflict(resource, name, why);
    }
    const metadata: JsonObject = { ...asObject(given['metadata']), name };
    if (resource.namespaced) metadata['namespace'] = namespace;
    const next = subresource === 'status' ? { ...previous, status: given['status'] } : { ...given, metadata };
    const written = this.store.write(resource, this.admit(resource, next, previous));
    const finalizers = asArray(valueAt(next, 'metadata', 'finalizers')) ?? [];
    if (valueAt(previous, 'metadata', 'deletionTimestamp') !== undefined && finalizers.length === 0) {
      this.remove(resource, written);
    }
    return written;
  }

  private current(request: ResourceRequest): StoredObject {
    const { resource, name, namespace, subresource } = request;
    if (subresource === 'finalize') throw methodNotAllowed();
    const current = this.store.get(resource, keyOf(namespace, name));
    if (current === undefined) throw notFound(resource, name);
    return current;
  }

  private objectOf(resource: Resource, body: unknown): JsonObject {
    const object = asObject(body);
    if (object === undefined) throw badRequest('the request body is not a JSON object');
    const kind = object['kind'] ?? resource.kind;
    if (kind !== resource.kind) {
      const given = `${object['apiVersion']}, Kind=${kind}`;
      throw badRequest(`the object in the body (${given}) is not of the kind of the URL (${resource.kind})`);
    }
    return object;
  }
}

/** The key under which the store has an object. */
export function keyOf(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

/** A stored object as this group and version shows it. */
function showing(resource: Resource, stored: JsonObject): JsonObject {
  return resource.view?.show(stored) ?? stored;
}

function checkNamespace(resource: Resource, namespace: string, metadata: JsonObject): void {
  if (!resource.namespaced) return;
  if (namespace === '') throw methodNotAllowed();
  if ((metadata['namespace'] ?? namespace) !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}
