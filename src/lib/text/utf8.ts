const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @returns `undefined` for bytes that are no UTF-8, where Node would put something in that nobody has sent */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return UTF_8.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/**
 * What percent-encoding stands for; a percent sign that encodes nothing stands for itself.
 * @returns `undefined` where the encoded bytes are no UTF-8
 */
export function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, '%25'))
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}
