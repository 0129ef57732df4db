// The most similar products of one, with type and department from the other database.
// Part 2 of the sources, as it stands there. `similar` asks one database.
// Parameters:
//   prod_code  string: code of the product
// Columns:
//   prod_code
//   sim_score        cosine of the two photos
//   prod_type
//   department_name
CALL {
  USE fabric.products
  MATCH (p:Product {code: $prod_code})-[s:SIMILAR]->(p2:Product)
  RETURN p2.code as prod_code, s.score as sim_score
}
CALL {
  USE fabric.neo4j
  WITH prod_code
  MATCH (d:Department)<-[:FROM_DEPARTMENT]-(p:Product {code: prod_code})-[:SUBSET_OF]->(type:ProductType)
  RETURN type.name as prod_type, d.name as department_name
}
RETURN prod_code, sim_score, prod_type, department_name
