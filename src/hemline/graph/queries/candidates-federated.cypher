// Purchases -> similar -> of a department and an index bought from.
// Part 4 of the sources, as it stands there, its closing braces put back. A product stands in the
// list as often as paths lead to it.
// Parameters:
//   customer_id  string: the customer
// Columns:
//   recommended_items  codes
CALL {
  // Return all purchases for a single customer
  USE fabric.neo4j
  MATCH (c:Customer)-[pur:PURCHASED]->(p:Product)
  WHERE c.id = $customer_id
  RETURN p.code as prod_code
}
CALL {
  // For each of those purchases, return the 10 most similar by image embedding
  USE fabric.products
  WITH prod_code
  MATCH (p1:Product)-[:SIMILAR]->(rec:Product)
  WHERE p1.code = prod_code
  RETURN rec.code as rec_code
}
CALL {
  // For each of these recommendations, filter out the ones that don't come from a department
  // or index previously purchased from by the customer
  USE fabric.neo4j
  with rec_code
  MATCH (c:Customer)
  WHERE c.id = $customer_id
  MATCH (ind:Index)<-[:HAS_INDEX]-(rec:Product)-[:FROM_DEPARTMENT]->(d:Department)
  WHERE rec.code = rec_code
  AND EXISTS ((c)-[:PURCHASED]->(:Product)-[:FROM_DEPARTMENT]->(d))
  AND EXISTS ((c)-[:PURCHASED]->(:Product)-[:HAS_INDEX]->(ind))
  RETURN rec.code AS recommended_item
}
RETURN collect(recommended_item) as recommended_items
